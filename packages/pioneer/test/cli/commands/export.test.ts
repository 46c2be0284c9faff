// `pioneer export` and model folders as `--model`, as a user has them.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { bin, Pioneer, tiny } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const folder = temporaryFolder();
const run = (...args: string[]) => pioneer(folder, args);
/** Pixels of every picture in a folder but the grid, below which stands what made it. */
async function pictures(name: string): Promise<Map<string, number[]>> {
  const all = new Map<string, number[]>();
  for (const file of readdirSync(join(folder, name)).sort()) {
    if (file === "grid.png") continue;
    all.set(file, [
      ...(await sharp(join(folder, name, file))
        .raw()
        .toBuffer()),
    ]);
  }
  return all;
}

let photos: string[];
beforeAll(async () => {
  const { path } = await makePack(folder, 120, 16, discs);
  const trained = await run("train", "--data", path, "--run", "run", ...tiny, "--total-kimg", "0.7");
  expect(trained.code).toBe(0);
  photos = ["0001.png", "0002.png"].map((name) => join(folder, "photos-120-16", name));
  const exported = await run("export", "--run", "run", "--out", "model", "--dtype", "fp32", "--threads", "1");
  expect(exported).toMatchObject({ code: 0, stderr: "" });
  expect(exported.stdout).toMatch(/^PSNR of \d+ held-out reconstructions: [\d.]+ dB; in float32 before the export/m);
  expect(exported.stdout).toMatch(/^wrote model\/generator.onnx$/m);
});

test("export --json is one object with files, differences and PSNR", async () => {
  const { code, stdout } = await run("export", "--run", "run", "--out", "json", "--dtype", "int8", "--json");
  expect(code).toBe(0);
  const result = JSON.parse(stdout) as Record<string, unknown>;
  expect(result).toMatchObject({ folder: "json", config: { dtype: "int8", resolution: 16, latent: 16 } });
  expect((result.files as string[]).every((file) => existsSync(join(folder, file)))).toBe(true);
  const { reference, exported } = result.quality as Record<string, number>;
  expect(Math.abs((exported as number) - (reference as number))).toBeLessThan(0.5);
});

test("export stopped half way leaves nothing beside", async () => {
  // Ctrl-C at a certain moment: when the finished folder is about to be renamed.
  const hook = join(folder, "hook.cjs");
  writeFileSync(
    hook,
    `require("node:fs/promises").rename = () => { process.kill(process.pid, "SIGINT"); return new Promise(() => setInterval(() => {}, 1000)); };
     require("node:module").syncBuiltinESMExports();`,
  );
  const command = [process.execPath, "--require", hook, bin];
  const args = ["export", "--run", "run", "--out", "stopped", "--threads", "1"];
  const { code, signal, stdout } = await new Pioneer(folder, args, {}, command).end;
  expect([code, signal]).toEqual([null, "SIGINT"]);
  expect(stdout).not.toContain("wrote");
  expect(readdirSync(folder).filter((name) => name.startsWith("stopped"))).toEqual([]);
});

describe("a model folder as --model", () => {
  test("gives the pictures of its run, but for the rounding of a value between two levels", async () => {
    for (const [command, ...args] of [
      ["sample", "--count", "3"],
      ["reconstruct", ...photos],
    ] as [string, ...string[]][]) {
      for (const model of ["run", "model"]) {
        const out = `${command}-${model}`;
        const { code, stderr } = await run(command, "--model", model, "--out", out, "--scale", "1", ...args);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      }
      const [before, after] = [await pictures(`${command}-run`), await pictures(`${command}-model`)];
      expect([...after.keys()]).toEqual([...before.keys()]);
      for (const [name, pixels] of after) {
        const differences = pixels.map((value, i) => Math.abs(value - (before.get(name)?.[i] ?? 256)));
        expect(Math.max(...differences)).toBeLessThanOrEqual(1);
        // Values differ by 1e-6 of 2, levels are 1 / 127.5 apart: hardly any lies that near to the middle of two.
        expect(differences.filter((difference) => difference > 0).length).toBeLessThan(5);
      }
    }
  });

  test("says where samples of before stay among the new ones", async () => {
    const sample = (count: string) => run("sample", "--model", "model", "--out", "twice", "--count", count);
    expect((await sample("3")).stdout).not.toContain("note:");
    expect((await sample("1")).stdout).toContain(
      "note: twice holds 2 more samples, of before; for a set of its own give another --out\n",
    );
  });

  test("is evaluated on data that are given, and to the same numbers", async () => {
    const pack = join(folder, "photos-120-16.pack");
    const measure = (model: string) =>
      run(
        "evaluate",
        "--model",
        model,
        "--data",
        pack,
        "--metrics",
        "psnr,l1",
        "--held-out",
        "train",
        "--count",
        "40",
        "--json",
      );
    const [before, after] = [await measure("run"), await measure("model")].map(({ stdout }) => {
      const { metrics } = JSON.parse(stdout) as { metrics: Record<string, number> };
      return metrics;
    });
    for (const name of ["psnr", "l1"]) expect(after?.[name]).toBeCloseTo(before?.[name] as number, 3);
    const without = await run("evaluate", "--model", "model", "--metrics", "psnr");
    expect(without).toMatchObject({ code: 2, stdout: "" });
    expect(without.stderr).toBe(
      "pioneer: --data is missing: model does not hold its data; give a pack with real images\n",
    );
  });

  test("is described by info, and checked by --verify", async () => {
    const { code, stdout } = await run("info", "model", "--verify");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^model +model, all checksums good\nnetworks +accv2018, latent 16, channels 16, rgb/);
    const json = await run("info", "model", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: "model", resolution: 16, dtype: "fp32", directions: [] });
    const damaged = join(folder, "json", "encoder.onnx");
    writeFileSync(damaged, readFileSync(damaged).subarray(0, -1));
    const verified = await run("info", "json", "--verify");
    expect(verified).toMatchObject({ code: 1, stdout: "" });
    expect(verified.stderr).toMatch(/^pioneer: json\/encoder.onnx was changed or cut short [^\n]*\n$/);
  });
});

describe("refusals are one line", () => {
  test.each([
    [
      ["export", "--run", "run", "--out", "model"],
      1,
      "model already holds a model: give --out another folder, or --force",
    ],
    [["export", "--run", "run", "--out", "x", "--dtype", "bf16"], 2, "--dtype: expected fp32 or fp16 or int8, got"],
    [
      ["sample", "--model", "model", "--out", "x", "--engine", "torch"],
      2,
      "--engine torch: model has no model.safetensors",
    ],
    [["sample", "--model", "run", "--out", "x", "--engine", "onnx"], 2, "--engine onnx: run is not a model folder"],
  ])("%j", async (args, code, line) => {
    const got = await run(...(args as string[]));
    expect(got).toMatchObject({ code, stdout: "" });
    expect(got.stderr.startsWith(`pioneer: ${line}`)).toBe(true);
    expect(got.stderr.split("\n").length).toBe(2);
  });
});
