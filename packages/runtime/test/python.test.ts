// examples/python, and the ten lines of its README: the same model folder without this package.
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../torch/test/support/folder.ts";
import { Pioneer } from "../src/index.ts";
import { changedModel, fixture, inRepository, oneDirection, worst } from "./support/fixtures.ts";

const python = process.env.PYTHON ?? "python3";
const packages = "onnxruntime, numpy, PIL";
const { status } = spawnSync(python, ["-c", `import ${packages}`]);
const missing = status === 0 ? undefined : `no Python with ${packages}: set PYTHON to one`;
if (missing) console.warn(`skipped: a model in Python; ${missing}`);

const run = (args: readonly string[], cwd: string) => spawnSync(python, args, { cwd, encoding: "utf8" });

test.skipIf(missing)("Python's onnxruntime makes the pictures that the package makes", async () => {
  const folder = temporaryFolder();
  cpSync(changedModel({ files: { "directions.json": oneDirection } }), join(folder, "model"), { recursive: true });
  // Of the model's size already: Pillow and this package resize otherwise.
  const photo = join(folder, "photo.jpg");
  await sharp(fixture("imagefolder/faces/color/a.jpg")).resize(16, 16).png().toFile(photo);
  const main = inRepository("examples/python/main.py");
  expect(run([main, "model", photo, "plain.png"], folder)).toMatchObject({ status: 0, stderr: "" });
  expect(run([main, "model", photo, "edited.png", "smile", "1.5"], folder)).toMatchObject({ status: 0, stderr: "" });
  const [, tenLines = ""] =
    /```python\n(.*?)```/s.exec(readFileSync(inRepository("examples/python/README.md"), "utf8")) ?? [];
  expect(run(["-c", tenLines], folder)).toMatchObject({ status: 0, stderr: "" });

  await using model = await Pioneer.load(join(folder, "model"));
  const z = await model.encode(photo);
  const wanted = { plain: z, reconstruction: z, edited: model.edit(z, { smile: 1.5 }) };
  for (const [name, latents] of Object.entries(wanted)) {
    const [image] = await model.decode(latents);
    const pixels = await sharp(join(folder, `${name}.png`))
      .ensureAlpha()
      .raw()
      .toBuffer();
    // A value between two levels may fall to either.
    expect(worst(pixels, image?.data ?? []), name).toBeLessThanOrEqual(1);
  }
});
