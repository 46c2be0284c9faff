// A run on aligned faces, from a source to a model folder.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaceTemplate } from "pioneer-runtime";
import { Rng } from "pioneer-runtime/internal";
import sharp from "sharp";
import { beforeAll, expect, test, vi } from "vitest";
import { facePhoto, placed } from "../../../../runtime/test/support/face-photo.ts";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { ConfigError } from "../../../src/base/errors.ts";
import { resolveTrainConfig } from "../../../src/config/config.ts";
import { templateText } from "../../../src/config/face-template.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { dataOfRun } from "../../../src/train/data-of-run.ts";
import { fingerprint, trainTiny } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";

// Each test starts several processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const folder = temporaryFolder();
const template: FaceTemplate = { eyeLeft: [0.35, 0.4], eyeRight: [0.65, 0.4], mouth: [0.5, 0.7] };
const count = 40;
const run = (...args: string[]) => pioneer(folder, args);
const start = (name: string, ...more: string[]) => trainTiny("photos", name, "--cache-dir", "packs", ...more);
const aligned = ["--align", "faces.csv", "--template", templateText(template)];
const stateOf = (name: string) =>
  fingerprint(join(folder, name)).state as { align: FaceTemplate | null; pack: { id: string; path: string } };

beforeAll(async () => {
  mkdirSync(join(folder, "photos"));
  const rng = new Rng(4);
  const rows = ["file,eye_left_x,eye_left_y,eye_right_x,eye_right_y,mouth_x,mouth_y"];
  for (let i = 0; i < count; i++) {
    const face = placed(template, { side: 30 + 10 * rng.uniform(), angle: rng.uniform() - 0.5, x: 20, y: 10 });
    const { data, width, height } = facePhoto(80, 60, face, 3);
    const photo = sharp(data, { raw: { width, height, channels: 3 } });
    await photo.png().toFile(join(folder, "photos", `${i}.png`));
    rows.push([`${i}.png`, ...face.eyeLeft, ...face.eyeRight, ...face.mouth].join(","));
  }
  writeFileSync(join(folder, "faces.csv"), rows.join("\n"));
});

test("the template goes from the pack to the checkpoint and the model folder; a run grows on photos aligned as before", async () => {
  const from = start("run", ...aligned, "--resolution", "8", "--total-kimg", "0.016");
  expect(await run(...from)).toMatchObject({ code: 0, stderr: "" });
  expect(stateOf("run").align).toEqual(template);
  const { checkpoints } = JSON.parse((await run("info", "run", "--json")).stdout) as { checkpoints: string[] };
  const info = await run("info", join("run", checkpoints.at(-1) ?? ""));
  expect(info.stdout).toContain(`aligned to ${templateText(template)}`);

  // What it was aligned with is a part of the run.
  const resume = ["train", "--run", "run", "--resume"];
  expect(await run(...resume, "--total-kimg", "0.032")).toMatchObject({ code: 0, stderr: "" });
  const other = await run(...resume, "--template", "median");
  expect([other.code, other.stderr]).toEqual([
    2,
    `pioneer: --template is median, but the run was started with ${templateText(template)}: leave --template out to go on, or start a new run with another --run\n`,
  ]);
  const grown = await run(...resume, "--resolution", "16", "--total-kimg", "0.048");
  expect(grown).toMatchObject({ code: 0, stderr: "" });
  expect(grown.stdout).toMatch(/^packed 40 images into packs\/photos-16-/m);
  expect(stateOf("run").align).toEqual(template);

  expect(await run("export", "--run", "run", "--out", "model", "--threads", "1")).toMatchObject({
    code: 0,
    stderr: "",
  });
  expect(JSON.parse(readFileSync(join(folder, "model", "config.json"), "utf8"))).toMatchObject({ align: template });
  const card = readFileSync(join(folder, "model", "README.md"), "utf8");
  expect(card).toContain(`Photos: turned, scaled and moved so that eyes and mouth lie at ${templateText(template)} (`);
  expect(card).toContain("pioneer reconstruct --model model --out out photo.jpg");
});

test("a run does not go on with faces that were elsewhere, nor with photos that are not aligned", async () => {
  expect(await run(...start("moved", ...aligned, "--resolution", "8", "--total-kimg", "0.016"))).toMatchObject({
    code: 0,
  });
  const lines = readFileSync(join(folder, "faces.csv"), "utf8").split("\n");
  const last = (lines.at(-1) as string).split(",");
  writeFileSync(
    join(folder, "others.csv"),
    [...lines.slice(0, -1), [last[0], ...last.slice(1).map((x) => Number(x) + 1)].join(",")].join("\n"),
  );
  const resume = ["train", "--run", "moved", "--resume", "--resolution", "16", "--total-kimg", "0.032"];
  const { code, stderr } = await run(...resume, "--align", "others.csv");
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^pioneer: packs\/photos-16-.* is not the pack this run was trained on .*: a run grows on the same images only, /,
  );
  const { pack } = await prepareDataset({
    source: join(folder, "photos"),
    out: join(folder, "cropped.pack"),
    resolution: 16,
  });
  expect(pack.align).toBeNull();
  expect((await run(...resume, "--data", "cropped.pack")).stderr).toMatch(/cropped\.pack is not the pack this run/);

  // To look at it, only images fit that are aligned as its own.
  const wanted = `and the model knows faces aligned to ${templateText(template)}: prepare a pack with --align faces (or POINTS.csv) --template ${templateText(template)}\n`;
  const evaluate = await run("evaluate", "--model", "moved", "--data", "cropped.pack", "--metrics", "ssim");
  expect([evaluate.code, evaluate.stderr]).toEqual([
    1,
    `pioneer: cropped.pack holds photos that are not aligned, ${wanted}`,
  ]);
  await prepareDataset({
    source: join(folder, "photos"),
    out: join(folder, "other.pack"),
    align: join(folder, "faces.csv"),
    resolution: 16,
  });
  const directions = await run("directions", "--model", "moved", "--data", "other.pack", "--method", "pca");
  expect([directions.code, directions.stderr]).toEqual([
    1,
    `pioneer: other.pack was aligned to another template, ${wanted}`,
  ]);
  const nothing = await run("evaluate", "--model", "moved", "--data", "nothing.pack", "--metrics", "ssim");
  expect([nothing.code, nothing.stderr]).toEqual([
    1,
    "pioneer: nothing.pack: no such file or folder; check the path\n",
  ]);
  const source = await run("directions", "--model", "moved", "--data", "photos", "--method", "pca");
  expect([source.code, source.stderr]).toEqual([
    1,
    `pioneer: photos: the model was trained on aligned faces; make these a pack with pioneer dataset prepare photos OUT.pack --align faces --template ${templateText(template)}\n`,
  ]);
});

test("--align is for photos, not for a pack or drawn faces", async () => {
  const refusal = async (options: Record<string, unknown>) => {
    const error = await dataOfRun(resolveTrainConfig({ run: join(folder, "none"), ...options })).then(
      () => new Error("taken"),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.replaceAll(`${folder}/`, "");
  };
  const packPath = join(folder, "some.pack");
  await prepareDataset({ source: join(folder, "photos"), out: packPath, resolution: 8 });
  expect(await refusal({ data: packPath, align: "faces.csv" })).toBe(
    "--align faces.csv does not go with --data some.pack: the photos of a pack are cut already; prepare the pack with it",
  );
  expect(() => resolveTrainConfig({ data: "procedural:faces", align: "faces.csv" })).toThrow(
    "--align does not go with procedural:faces",
  );
  rmSync(packPath);
  expect(existsSync(join(folder, "none"))).toBe(false);
});
