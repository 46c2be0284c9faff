// The models in the box: whole, small, and good for what they say.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { showModel } from "../../src/directions/show-model.ts";
import { readModelConfig, verifyModelFile } from "../../src/models/model-folder.ts";
import { shippedModels } from "../../src/models/shipped.ts";
import { readSource } from "../../src/train/source.ts";

const out = temporaryFolder();
const greyOf = async (path: string) => {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  return { bytes: data, ...info };
};

test("the npm package carries them", () => {
  const { files } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(files).toContain("models");
  const folder = new URL("../../models", import.meta.url);
  expect(readdirSync(folder).sort()).toEqual(shippedModels.map(({ name }) => name).sort());
});

describe.each(shippedModels)("$name", ({ name, folder, strips }) => {
  test("is whole, under 10 MB, at 64x64, with a card that has its metrics and a config that repeats it", async () => {
    const config = await readModelConfig(folder);
    expect(config).toMatchObject({ resolution: 64, dtype: "fp16", recipe: "cycle", colour: "grey" });
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
  });
});
