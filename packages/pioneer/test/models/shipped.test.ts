// The models in the box: whole, small, and good for what they say.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { addDirections, readDirections } from "../../src/directions/file.ts";
import { showModel } from "../../src/directions/show-model.ts";
import { readModelConfig, verifyModelFile } from "../../src/models/model-folder.ts";
import { type ShippedModel, shippedModels } from "../../src/models/shipped.ts";
import { folderInUse, writableFolder } from "../../src/models/shipped-copy.ts";
import { readSource } from "../../src/train/source.ts";

const out = temporaryFolder();
const greyOf = async (path: string) => {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  return { bytes: data, ...info };
};

/** Whether a picture has this one of 64x64 in it, pixel for pixel. */
function holds({ bytes, width, height, channels }: Awaited<ReturnType<typeof greyOf>>, part: Buffer): boolean {
  const row = 64 * channels;
  for (let at = 0; at <= (width * (height - 63) - 64) * channels; at += channels) {
    const isHere = (y: number) =>
      bytes.compare(part, y * row, (y + 1) * row, at + y * width * channels, at + y * width * channels + row) === 0;
    if (Array.from({ length: 64 }, (_, y) => y).every(isHere)) return true;
  }
  return false;
}

test("the npm package carries them", () => {
  const { files } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(files).toContain("models");
  const folder = new URL("../../models", import.meta.url);
  expect(readdirSync(folder).sort()).toEqual(shippedModels.map(({ name }) => name).sort());
});

test("what people teach one goes to a copy, which stands for it as long as the networks are the same", async () => {
  vi.stubEnv("XDG_CACHE_HOME", out);
  const [model] = shippedModels as [ShippedModel];
  const { folder, name } = model;
  expect(await folderInUse(model)).toBe(folder);
  expect(await writableFolder(out)).toBe(out);
  const copy = await writableFolder(folder);
  expect(copy).toBe(join(out, "pioneer", "models", name));
  const { latent } = await readModelConfig(folder);
  const vector = Array.from({ length: latent }, (_, i) => (i === 0 ? 1 : 0));
  const before = readFileSync(join(folder, "directions.json"));
  const hat = { vector, unit: 1, method: "linear", orthogonal: false } as const;
  await addDirections(join(copy, "directions.json"), latent, { hat });
  expect([await folderInUse(model), await writableFolder(folder)]).toEqual([copy, copy]);
  expect(Object.keys(readDirections(join(copy, "directions.json"), latent).directions)).toContain("hat");
  expect(readFileSync(join(folder, "directions.json")).equals(before)).toBe(true);
  // Those of a newer version of the program are others.
  const config = JSON.parse(readFileSync(join(copy, "config.json"), "utf8"));
  config.files["generator.onnx"].sha256 = "0".repeat(64);
  writeFileSync(join(copy, "config.json"), JSON.stringify(config));
  expect(await folderInUse(model)).toBe(folder);
});

describe.each(shippedModels)("$name", ({ name, folder, strips }) => {
  test("is whole, under 10 MB, at 64x64, with a card that has its metrics and a config that repeats it", async () => {
    const config = await readModelConfig(folder);
    expect(config).toMatchObject({ resolution: 64, dtype: "fp16", recipe: "cycle" });
    expect(config.colour).toBe(name === "faces-photos" ? "grey" : "rgb");
    for (const file of Object.keys(config.files)) await verifyModelFile(folder, file, config);
    const bytes = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    expect(bytes).toBeLessThan(10e6);
    // So that a new run can begin with it.
    expect(await readSource(folder)).toMatchObject({ phase: 4, alpha: 1, recipe: "cycle" });
    const card = readFileSync(join(folder, "README.md"), "utf8");
    expect(card).toMatch(/\| l1 \| 0\.\d+/);
    expect(card).toContain("## Limits");
  });

  test("shows samples that differ, and its edits", async () => {
    const shown = await showModel({ name, folder, strips }, join(out, name));
    const grid = await greyOf(shown.samples);
    expect([grid.width, grid.height]).toEqual([6 * 66 - 2, 6 * 66 - 2]);
    // A model that makes everybody alike has cells that are one picture.
    const cell = async (i: number) =>
      (await greyOf(join(out, name, "samples", `sample-${String(i).padStart(6, "0")}.png`))).bytes;
    const [one, two] = [await cell(1), await cell(2)];
    const apart = one.reduce((sum, value, i) => sum + Math.abs(value - (two[i] as number)), 0) / one.length;
    expect(apart).toBeGreaterThan(10);
    expect(shown.strips.length).toBe(strips.length);
    // Strips are of the samples themselves: one stands at strength 0.
    for (const strip of shown.strips) expect(holds(await greyOf(strip), one)).toBe(true);
  });
});
