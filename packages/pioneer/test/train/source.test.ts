import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { defaultTemplate, templateText } from "../../src/config/face-template.ts";
import type { Pack } from "../../src/data/pack/pack.ts";
import { pioneerKind } from "../../src/networks/kind.ts";
import { checkSourcePack, checkUnpacked, type Source, takenOver } from "../../src/train/source.ts";
import { discs, makePack } from "../support/tiny.ts";

const eyes = templateText(defaultTemplate);
const source: Source = {
  from: "runs/faces",
  path: "runs/faces/checkpoint-00000374",
  weights: "",
  verify: async () => undefined,
  images: 374_000,
  phase: 1,
  alpha: 0.25,
  recipe: "cycle",
  latent: 16,
  channels: 16,
  networks: pioneerKind,
  colour: "rgb",
  align: defaultTemplate,
};
let pack: Pack;
beforeAll(async () => {
  pack = await makePack(temporaryFolder(), 8, 8, discs);
});

test("a model of aligned faces is not trained on others", () => {
  expect(() => checkSourcePack(source, pack)).toThrow(
    `${pack.path} has faces that are not aligned, but runs/faces knows them at ${eyes}: prepare the pack with --align faces (or POINTS.csv) --template ${eyes}`,
  );
  const aligned = (template: typeof defaultTemplate): Pack => ({ ...pack, align: { template, faces: "" } });
  expect(() => checkSourcePack(source, aligned({ ...defaultTemplate, mouth: [0.5, 0.8] }))).toThrow(
    `has faces at 0.32,0.387,0.68,0.387,0.5,0.8, but runs/faces knows them at ${eyes}`,
  );
  expect(() => checkSourcePack(source, aligned(defaultTemplate))).not.toThrow();
  const config = resolveTrainConfig({ data: "photos", from: "runs/faces" });
  expect(() => checkUnpacked(source, config)).toThrow(
    `--data photos is not aligned, but runs/faces knows faces at ${eyes}: give --align faces, which finds them, or --align POINTS.csv, where these photos have eyes and mouth`,
  );
  expect(() => checkUnpacked(source, { ...config, align: "eyes.csv" })).not.toThrow();
});

test("a model that was not aligned takes both", () => {
  const plain = { ...source, align: null };
  expect(() => checkSourcePack(plain, pack)).not.toThrow();
  expect(() => checkSourcePack(plain, { ...pack, align: { template: defaultTemplate, faces: "" } })).not.toThrow();
});

test("says that a block that was fading in begins faded in", () => {
  expect(takenOver(source, resolveTrainConfig({ data: "photos", resolution: 16 }))).toBe(
    "from runs/faces/checkpoint-00000374, 374 kimg, 8x8: generator, encoder, averages; optimisers start fresh; 8x8 was faded in to 0.25 and begins fully faded in; grows to 16x16",
  );
});
