import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../packages/torch/test/support/folder.ts";
import { readResults } from "../src/results.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));

// Trials are processes, and Node 20 runs no TypeScript: they run what tsc makes of the sources as they are now.
beforeAll(() => {
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(repository, "node_modules/typescript/bin/tsc"), "-b", "bench"],
    {
      cwd: repository,
      encoding: "utf8",
    },
  );
  expect(stdout).toBe("");
  expect(status).toBe(0);
}, 60_000);

const bench = (...args: string[]) =>
  spawnSync(process.execPath, [join(repository, "bench", "dist", "main.js"), ...args], { encoding: "utf8" });

const small = ["--phase", "1", "--batch", "4", "--n", "16", "--steps", "1", "--threads", "1"];
const keys = [
  "phase",
  "batch",
  "n",
  "imagesPerSecond",
  "eagerFp32ImagesPerSecond",
  "ratioToEagerFp32",
  "ratioToEagerBf16",
  "shareOfLimit",
  "peakRssMiB",
];

test("step --json prints one object on one line, null where nothing was measured", () => {
  const { stdout, status } = bench("step", ...small, "--no-baselines", "--json");
  expect(status).toBe(0);
  expect(stdout.split("\n")).toHaveLength(2);
  const line = JSON.parse(stdout) as Record<string, number | null>;
  expect(Object.keys(line)).toEqual(keys);
  expect(line).toMatchObject({ phase: 1, batch: 4, n: 16, ratioToEagerFp32: null, ratioToEagerBf16: null });
  expect(line.eagerFp32ImagesPerSecond).toBeNull();
  for (const name of ["imagesPerSecond", "shareOfLimit", "peakRssMiB"]) expect(line[name]).toBeGreaterThan(0);
});

test("without --json a person can read it, and --no-limit leaves the products out", () => {
  const { stdout, status } = bench("step", ...small, "--no-baselines", "--no-limit", "--precision", "fp32");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^phase 1, batch 4, n 16, fp32 \(.*\), 1 threads\nours: [\d.]+ images\/s, /);
  expect(stdout).toContain("limit: not measured");
});

test("scaling shows what sums of two processes take, and how much of it is waited for", () => {
  const { stdout, status } = bench(
    "scaling",
    "--phase",
    "1",
    "--batch",
    "5",
    "--n",
    "16",
    "--steps",
    "1",
    "--threads",
    "2",
    "--json",
  );
  expect(status).toBe(0);
  const timing = JSON.parse(stdout) as Record<string, number>;
  // Float32 of E once and of G twice. Both have three convolutions of 3x3 and one of 4x4, E 3 weights and a bias for each of 16
  // channels, G 16 weights and a bias for each colour.
  const convolutions = 3 * (16 * 16 * 9 + 16) + 16 * 16 * 16 + 16;
  const bytes = 4 * (convolutions + 16 * 4 + 2 * (convolutions + 3 * 17));
  expect(timing).toMatchObject({ phase: 1, batch: 5, n: 16, ranks: 2, bytes });
  for (const name of ["one", "together", "apart", "waited", "sums"]) expect(timing[name]).toBeGreaterThan(0);
  expect(timing.waited).toBeLessThan(timing.together as number);
});

test("profile lists operators by their own time", () => {
  const { stdout, status } = bench("profile", ...small);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^ calls +own ms +share {2}operator\n/);
  expect(stdout).toContain("aten::convolution_backward");
});

test("device compares each fused operator with the processor's, which is itself here", () => {
  const { stdout, status } = bench("device", "--threads", "1", "--json");
  expect(status).toBe(0);
  const checks = JSON.parse(stdout) as { name: string; ok: boolean; error: number }[];
  const names = new Set(checks.map(({ name }) => name.split(" ")[0]));
  expect(names).toEqual(
    new Set([
      "pixelNormLeakyRelu",
      "upsampledPixelNormLeakyRelu",
      "biasLeakyRelu",
      "biasLeakyReluPool",
      "fade",
      "scaled",
      "upsampledKernel",
      "spectralNorm",
    ]),
  );
  expect(checks.filter(({ ok, error }) => !ok || error !== 0)).toEqual([]);
});

describe("scripts/gpu-check.sh", () => {
  const out = temporaryFolder();
  const check = (env: NodeJS.ProcessEnv, ...steps: string[]) => {
    const { status, stderr } = spawnSync(join(repository, "scripts", "gpu-check.sh"), steps, {
      env: { ...process.env, DEVICE: "cpu", OUT: out, ...env },
      encoding: "utf8",
    });
    return { status, stderr };
  };
  const outcomes = () => {
    const { steps } = JSON.parse(readFileSync(join(out, "gpu-check.json"), "utf8"));
    return (steps as { step: string; outcome: string }[]).map(({ step, outcome }) => `${step}: ${outcome}`);
  };

  test("leaves what its steps measured, one line and figures for bench/results of each training step", () => {
    expect(check({}, "step-64-graphs", "profile").status).toBe(0);
    expect(outcomes()).toEqual(["step-64-graphs: ok", "profile: ok"]);
    expect(JSON.parse(readFileSync(join(out, "steps.jsonl"), "utf8"))).toMatchObject({ phase: 1, batch: 4, n: 16 });
    expect(JSON.parse(readFileSync(join(out, "profile.json"), "utf8"))[0]).toHaveProperty("milliseconds");
    const [file] = readResults(out).filter(({ name }) => /^\d{4}-/.test(name));
    expect(file?.results.steps).toHaveLength(1);
  });

  test("goes on after a step that fails, and once there is no time begins none", () => {
    expect(check({ NODE: "/bin/false" }, "verify", "profile").status).toBe(1);
    expect(outcomes()).toEqual(["verify: failed with 1", "profile: failed with 1"]);
    expect(check({ LIMIT: "4" }).status).toBe(1);
    expect(outcomes()).toHaveLength(9);
    expect(new Set(outcomes().map((line) => line.split(": ")[1]))).toEqual(new Set(["no time left"]));
  });

  test("refuses a step or a Node that is not there", () => {
    expect(check({}, "speed")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^gpu-check: there is no step speed, only build device [^\n]*\n$/),
    });
    expect(check({ NODE: "/none" }, "profile")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error: there is no Node at \/none: [^\n]*\n$/),
    });
  });
});

test("wrong options end with 2 and a line that says what was expected", () => {
  const wrong = (...args: string[]) => {
    const { status, stderr } = bench(...args);
    return `${status} ${stderr.trim()}`;
  };
  expect(wrong("step", "--phase", "x")).toBe("2 bench: --phase must be a whole number from 0 to 8, got x");
  expect(wrong("step", "--phase", "9")).toBe("2 bench: --phase must be a whole number from 0 to 8, got 9");
  expect(wrong("step", "--batch", "1")).toBe("2 bench: --batch must be a whole number from 2, got 1");
  expect(wrong("step", "--precision", "fp64")).toBe("2 bench: --precision must be auto, bf16 or fp32, got fp64");
  expect(wrong("all", "--only", "gpu")).toBe(
    "2 bench: --only takes steps, scaling, inference, exported, prepare, commands, studio, got gpu",
  );
  expect(wrong("step", "--cuda-graphs")).toBe("2 bench: --cuda-graphs needs a CUDA device, this run computes on cpu");
  expect(wrong("exported", "--model", "/nowhere")).toBe(
    "1 bench: /nowhere/config.json: no such file or folder; check the path",
  );
  expect(wrong("editing", "--model", "runs/faces")).toBe("2 bench: editing needs --model RUN --data PACK --out FILES");
});
