// What a run learns from, when it begins and when it goes on: packs, and sources that are packed for it.
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { ConfigError } from "../../../src/base/errors.ts";
import { resolveTrainConfig } from "../../../src/config/config.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { dataOfRun } from "../../../src/train/data-of-run.ts";
import { fingerprint, resume, trainTiny } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts several processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const folder = temporaryFolder();
/** A folder of 40 photos of 16x16, and a pack of them. */
const photos = "photos-40-16";
beforeAll(async () => {
  await makePack(folder, 40, 16, discs);
});

const start = (run: string, ...more: string[]) => trainTiny(photos, run, "--cache-dir", `${run}-packs`, ...more);
const packsOf = (run: string) => readdirSync(join(folder, `${run}-packs`)).filter((name) => name.endsWith(".pack"));
const packOf = (run: string) => (fingerprint(join(folder, run)).state as { pack: { id: string; path: string } }).pack;

describe("a run on a source", () => {
  test("goes on with the pack it was trained on, also where the resolution was the source's", async () => {
    const run = "usual";
    const first = await pioneer(folder, start(run, "--total-kimg", "0.016"));
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toMatch(/^packed 40 images into usual-packs\/photos-40-16-auto-/m);
    const again = await pioneer(folder, resume(run, "--total-kimg", "0.032"));
    expect(again).toMatchObject({ code: 0, stderr: "" });
    expect(again.stdout).not.toContain("packed");
    expect(packsOf(run)).toHaveLength(1);
    // Without the cache it is made again, and is the same.
    const { id } = packOf(run);
    rmSync(join(folder, `${run}-packs`), { recursive: true });
    expect(await pioneer(folder, resume(run, "--total-kimg", "0.048"))).toMatchObject({ code: 0, stderr: "" });
    expect(packOf(run).id).toBe(id);
  });

  test("grows: the source is packed again, and the run goes on with that", async () => {
    const run = "growing";
    const from = start(run, "--resolution", "8", "--total-kimg", "0.016");
    expect(await pioneer(folder, from)).toMatchObject({ code: 0, stderr: "" });
    const before = packOf(run);
    const grown = await pioneer(folder, resume(run, "--resolution", "16", "--total-kimg", "0.032"));
    expect(grown).toMatchObject({ code: 0, stderr: "" });
    expect(grown.stdout).toMatch(/^packed 40 images into growing-packs\/photos-40-16-16-/m);
    expect(packsOf(run)).toHaveLength(2);
    expect(packOf(run).path).not.toBe(before.path);
    // The smaller one is not needed any more.
    rmSync(before.path);
    const more = await pioneer(folder, resume(run, "--total-kimg", "0.048"));
    expect(more).toMatchObject({ code: 0, stderr: "" });
    expect(more.stdout).not.toContain("packed");
  });

  test("whose pack is gone is told how to make it before anything is packed, and then grows", async () => {
    const run = "cleared";
    const from = start(run, "--resolution", "8", "--total-kimg", "0.016");
    expect(await pioneer(folder, from)).toMatchObject({ code: 0, stderr: "" });
    const { path, id } = packOf(run);
    rmSync(path);
    const grow = resume(run, "--resolution", "16", "--total-kimg", "0.032");
    const refused = await pioneer(folder, grow);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(
      /^pioneer: the pack this run was trained on \(.*cleared-packs\/.*, id [0-9a-f]{12}\) is gone, so that .* at 16x16 .*\n$/,
    );
    expect(packsOf(run)).toEqual([]);
    const [, advice = ""] = /`pioneer (.*)`/.exec(refused.stderr) ?? [];
    expect(await pioneer(folder, advice.split(" "))).toMatchObject({ code: 0 });
    expect(packOf(run).id).toBe(id);
    expect(await pioneer(folder, grow)).toMatchObject({ code: 0, stderr: "" });
  });

  test("does not grow on other images", async () => {
    const run = "changed";
    const from = start(run, "--resolution", "8", "--total-kimg", "0.016");
    expect(await pioneer(folder, from)).toMatchObject({ code: 0, stderr: "" });
    const [one, other] = [join(folder, photos, "0007.png"), join(folder, photos, "0099.png")];
    renameSync(one, other);
    try {
      const refused = await pioneer(folder, resume(run, "--resolution", "16", "--total-kimg", "0.032"));
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(
        /^pioneer: .*16.* is not the pack this run was trained on \(.*\): a run grows on the same images only/,
      );
    } finally {
      renameSync(other, one);
    }
  });
});

test("a run on a pack grows on a larger pack of the same images", async () => {
  for (const side of [8, 16]) {
    await prepareDataset({ source: join(folder, photos), out: join(folder, `${side}.pack`), resolution: side });
  }
  const small = trainTiny("8.pack", "packs", "--total-kimg", "0.016");
  expect(await pioneer(folder, small)).toMatchObject({ code: 0, stderr: "" });
  const larger = ["--data", "16.pack", "--resolution", "16", "--total-kimg", "0.032"];
  expect(await pioneer(folder, resume("packs", ...larger))).toMatchObject({ code: 0, stderr: "" });
  expect(packOf("packs").path).toBe(join(folder, "16.pack"));
});

describe("what a pack was prepared with is not wanted otherwise", () => {
  const refusal = async (options: Record<string, unknown>) => {
    const data = join(folder, `${photos}.pack`);
    const config = resolveTrainConfig({ data, run: join(folder, "none"), ...options });
    const error = await dataOfRun(config).then(
      () => new Error("taken"),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.replaceAll(folder, "");
  };

  test("crop, colour, labels", async () => {
    expect(await refusal({ crop: "celeba" })).toBe(
      "--crop is celeba, but /photos-40-16.pack was prepared with --crop center: give --crop center to train on its images as they are, or prepare a pack with --crop celeba",
    );
    expect(await refusal({ colour: "grey" })).toMatch(/^--colour is grey, but .* was prepared with --colour rgb: /);
    expect(await refusal({ labels: "labels.csv" })).toMatch(
      /^--labels labels\.csv does not go with --data .*\.pack: a pack has the labels it was made with; leave it out/,
    );
  });

  test("what the pack has, or auto, is taken; the command line ends with 2, and the plan too", async () => {
    const data = join(folder, `${photos}.pack`);
    for (const options of [{ crop: "center", colour: "rgb" }, { colour: "auto" }]) {
      const { pack } = await dataOfRun(resolveTrainConfig({ data, ...options }));
      expect(pack.path).toBe(data);
    }
    for (const more of [[], ["--plan"]]) {
      const args = ["train", "--data", data, "--run", "no", "--preset", "celeba", "--resolution", "16", ...more];
      const { code, stderr } = await pioneer(folder, args);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^pioneer: --crop is celeba, but .* was prepared with --crop center: give --crop center/);
    }
    expect(existsSync(join(folder, "no"))).toBe(false);
  });
});
