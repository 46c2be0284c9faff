// The checkpoint with the smallest held-out error, in runs on disk.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { isBetter } from "../../src/train/best-checkpoint.ts";
import { pioneer } from "../support/in-process.ts";
import { discs, makePack } from "../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const folder = temporaryFolder();
const run = (...args: string[]) => pioneer(folder, args);
const train = (...args: string[]) => run("train", ...args);
// 4x4 for 100 images, 8x8 for 200, faded in after 150; evaluated every 26.
const options =
  "--latent 8 --channels 8 --batch 4 --kimg-per-phase 0.1 --resolution 8 --evaluate-every 0.026 --checkpoint-kimg 0.1 --keep 1 --threads 1 --precision fp32".split(
    " ",
  );

interface State {
  readonly images: number;
  readonly phase: number;
  readonly alpha: number;
  readonly heldOutL1?: number;
}
const stateOf = (path: string) => JSON.parse(readFileSync(join(folder, path, "state.json"), "utf8")) as State;
const networksOf = (path: string) => readFileSync(join(folder, path, "networks.safetensors"));
const evaluated = (name: string) =>
  readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { images: number; metrics: { l1: number } });
const checkpointsOf = (name: string) =>
  readdirSync(join(folder, name)).filter((entry) => entry.startsWith("checkpoint"));

let data: string;
beforeAll(async () => {
  data = (await makePack(folder, 100, 8, discs)).path;
  expect(await train("--data", data, "--run", "whole", ...options)).toMatchObject({ code: 0, stderr: "" });
});

test("a later resolution is better than an earlier one, then a smaller error; never one that is no number or whose samples are alike", () => {
  const at = (phase: number, l1: number) => ({ phase, l1 });
  expect(isBetter(at(0, 0.5), undefined)).toBe(true);
  expect(isBetter(at(1, 0.5), at(0, 0.1))).toBe(true);
  expect(isBetter(at(1, 0.4), at(1, 0.5))).toBe(true);
  expect(isBetter(at(1, 0.5), at(1, 0.5))).toBe(false);
  expect(isBetter(at(0, 0.1), at(1, 0.5))).toBe(false);
  expect(isBetter(at(0, Number.NaN), undefined)).toBe(false);
  expect(isBetter({ ...at(1, 0.4), alike: true }, at(1, 0.5))).toBe(false);
});

describe("train --evaluate-every", () => {
  test("keeps the one of the smallest error at the last resolution, faded in, beside --keep 1", () => {
    const best = stateOf("whole/best");
    const counted = evaluated("whole").filter(({ images }) => images >= 150);
    expect(counted.length).toBeGreaterThan(3);
    expect(best.heldOutL1).toBe(Math.min(...counted.map(({ metrics }) => metrics.l1)));
    expect(best).toMatchObject({ images: counted.find(({ metrics }) => metrics.l1 === best.heldOutL1)?.images });
    expect(best).toMatchObject({ phase: 1, alpha: 1 });
    expect(checkpointsOf("whole").length).toBe(1);
    expect(evaluated("whole").at(-1)?.images).toBe(300); // the end, too
  });

  test("says each change in the log, none of them while a block fades in", () => {
    const log = readFileSync(join(folder, "whole", "log.txt"), "utf8");
    const told = [
      ...log.matchAll(
        /best so far: L1 ([\d.]+) on held-out images at (\d+)x\d+, ([\d.]+) kimg; kept in whole\/best$/gm,
      ),
    ];
    expect(told.length).toBeGreaterThan(1);
    expect(told[0]?.[2]).toBe("4");
    expect(told.at(-1)?.slice(1, 3)).toEqual([stateOf("whole/best").heldOutL1?.toFixed(4), "8"]);
    for (const [, , , kimg] of told) expect(Number(kimg) > 0.1 && Number(kimg) < 0.15).toBe(false);
  });

  test("info shows it; commands take it as RUN/best, and the newest for RUN", async () => {
    const { heldOutL1, images } = stateOf("whole/best");
    const line = new RegExp(
      `^best +(best, )?L1 ${heldOutL1?.toFixed(4)} on held-out images at 8x8, [\\d.]+ kimg$`,
      "m",
    );
    expect((await run("info", "whole")).stdout).toMatch(line);
    expect((await run("info", "whole/best")).stdout).toMatch(line);
    const told = JSON.parse((await run("info", "whole", "--json")).stdout) as { best: object };
    expect(told.best).toEqual({ path: "whole/best", images, resolution: 8, heldOutL1 });

    const evaluate = ["--metrics", "l1", "--count", "100", "--threads", "1", "--json"];
    const measured = await run("evaluate", "--model", "whole/best", ...evaluate);
    const found = JSON.parse(measured.stdout) as { metrics: { l1: number } };
    expect(JSON.stringify(found)).toContain(`${join("whole", "best")}`);
    expect(found.metrics.l1).toBe(heldOutL1);
    const { stdout } = await run("sample", "--model", "whole", "--out", "out", "--count", "1");
    expect(stdout).not.toContain("best");
  });

  test("a run that goes on goes on with it: as if it had never stopped, bit for bit", async () => {
    const first = ["--data", data, "--run", "half", ...options, "--total-kimg", "0.208"];
    expect(await train(...first)).toMatchObject({ code: 0, stderr: "" });
    for (const copy of ["worse", "damaged"]) cpSync(join(folder, "half"), join(folder, copy), { recursive: true });
    expect(await train("--run", "half", "--resume", "--total-kimg", "0.3")).toMatchObject({ code: 0, stderr: "" });
    expect(networksOf("half/best").equals(networksOf("whole/best"))).toBe(true);
    expect(stateOf("half/best").heldOutL1).toBe(stateOf("whole/best").heldOutL1);
  });

  test("where nothing better comes it stays, and --keep 1 keeps the newest beside it", async () => {
    const before = { state: stateOf("worse/best"), networks: networksOf("worse/best") };
    // A learning rate that ruins the networks.
    expect((await train("--run", "worse", "--resume", "--total-kimg", "0.3", "--lr", "0.2")).code).toBe(0);
    expect(evaluated("worse").at(-1)?.metrics.l1).toBeGreaterThan(before.state.heldOutL1 as number);
    expect(stateOf("worse/best")).toEqual(before.state);
    expect(networksOf("worse/best").equals(before.networks)).toBe(true);
    expect(checkpointsOf("worse").length).toBe(1);
  });

  test("one that is damaged is said, and the next evaluation replaces it", async () => {
    writeFileSync(join(folder, "damaged", "best", "state.json"), "{}");
    const { code, stdout } = await train("--run", "damaged", "--resume", "--total-kimg", "0.24");
    expect(code).toBe(0);
    expect(stdout).toMatch(/best\/state\.json was edited .*; the next evaluation writes a new one$/m);
    expect(stateOf("damaged/best").heldOutL1).toBeGreaterThan(0);
  });

  test("where there is none, RUN/best says how to get one", async () => {
    rmSync(join(folder, "damaged", "best"), { recursive: true });
    const { code, stderr } = await run("sample", "--model", "damaged/best", "--out", "out2");
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        "pioneer: damaged has no best checkpoint: train --evaluate-every keeps one; give damaged for the newest\n",
    });
  });
});
