// The examples of docs/studio.md, run as they stand there.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Pioneer } from "pioneer-runtime";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addDirections, copiedModel, fixture, inRepository, openForTest } from "../support/studio.ts";

const folder = mkdtempSync(join(tmpdir(), "pioneer-studio-examples-"));
beforeAll(() => copyFileSync(fixture("imagefolder/faces/color/a.jpg"), join(folder, "photo.jpg")));
afterAll(() => rmSync(folder, { recursive: true }));

const page = readFileSync(inRepository("docs/studio.md"), "utf8");
const isThere = (program: string) => spawnSync(program, ["--version"]).status === 0;

/** The block of the page in a language that names the API. */
function example(language: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms"))].map(
    ([, code]) => code as string,
  );
  const found = blocks.find((code) => code.includes("/api/models/faces"));
  if (found === undefined) throw new Error(`docs/studio.md has no example in ${language}`);
  return found;
}

/** Runs an example beside photo.jpg, with a model called faces that knows of smiles. */
async function run(program: string, flag: string, code: string): Promise<string> {
  const copy = copiedModel();
  const model = join(dirname(copy), "faces");
  renameSync(copy, model);
  const vector = Array.from({ length: 16 }, (_, i) => (i === 0 ? 1 : 0));
  await addDirections(model, 16, { smile: { vector, unit: 0.25, method: "linear", orthogonal: false } });
  const { url } = await openForTest({ models: [model] });
  const child = spawn(program, [flag, code.replaceAll("http://127.0.0.1:7420", url)], { cwd: folder });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const status = await new Promise((resolve, reject) => child.on("close", resolve).on("error", reject));
  expect({ status, errors }).toEqual({ status: 0, errors: "" });
  return model;
}

const pixelsOf = (file: string | Uint8Array) => sharp(file).removeAlpha().raw().toBuffer();

test("curl", async ({ skip }) => {
  skip(!isThere("curl"), "there is no curl here");
  const place = await run("sh", "-c", example("sh"));
  const model = await Pioneer.load(place);
  const photo = readFileSync(join(folder, "photo.jpg"));
  const [reconstruction] = await model.reconstruct(photo, { as: "png" });
  const { images } = await model.sample(1, 7, { as: "png" });
  expect(await pixelsOf(join(folder, "reconstruction.png"))).toEqual(await pixelsOf(reconstruction as Uint8Array));
  expect(await pixelsOf(join(folder, "sample.png"))).toEqual(await pixelsOf(images[0] as Uint8Array));
  await model.dispose();
});

test("Python", async ({ skip }) => {
  skip(!isThere("python3"), "there is no python3 here");
  const place = await run("python3", "-c", example("python"));
  const model = await Pioneer.load(place);
  const latents = await model.encode(readFileSync(join(folder, "photo.jpg")));
  const [smiling] = await model.decode(model.edit(latents, { smile: 1.5 }), { as: "png" });
  expect(await pixelsOf(join(folder, "smiling.png"))).toEqual(await pixelsOf(smiling as Uint8Array));
  await model.dispose();
});
