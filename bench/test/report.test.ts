import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { flopsPerImage } from "pioneer-networks/torch";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../packages/torch/test/support/folder.ts";
import type { StepComparison, Timing } from "../src/compare.ts";
import { reportOf } from "../src/report.ts";
import { type Results, readResults, saveResults } from "../src/results.ts";
import type { StudioTiming } from "../src/studio.ts";
import { recipe } from "../src/workload.ts";

const bench = fileURLToPath(new URL("..", import.meta.url));
const folder = temporaryFolder();

const timing = (batch: number, median: number, peakRssMiB: number): Timing => ({
  torch: "1.13.0",
  imagesPerSecond: batch / median,
  seconds: { median, min: median / 2, max: 2 * median },
  trialMedians: [median],
  peakRssMiB,
});

const step: StepComparison = {
  phase: 4,
  batch: 8,
  n: 512,
  precision: "bf16",
  device: "cpu",
  convolutions: "winograd",
  forced: false,
  threads: 2,
  ours: timing(8, 4, 1400),
  oursOnNewest: null,
  eagerFp32: timing(8, 32, 2800),
  eagerBf16: timing(8, 8, 1750),
  newestEager: timing(8, 6, 1800),
  newestCompiled: timing(8, 5, 1900),
  limit: { seconds: 3, products: [{ name: "aten::mm", tensors: [], count: 1, milliseconds: 3000 }] },
};

const results: Results = {
  date: "2026-11-22T21:00:00.000Z",
  commit: "0123456789",
  machine: { cpu: "A CPU @ 2 GHz", bf16: ["avx512_bf16"], cores: 2, memoryGiB: 24, system: "Debian 12" },
  versions: { node: "v20.20.2", libtorch: "1.13.0", systemTorch: "1.13.0", newestTorch: "2.15.0" },
  steps: [step],
  inference: [],
  prepare: [{ source: "procedural:faces", resolution: 64, images: 2000, seconds: 10, imagesPerSecond: 200 }],
  commands: [{ command: "info", seconds: { median: 0.5, min: 0.4, max: 0.6 }, trials: 3 }],
};

test("goals stand beside what was reached", () => {
  const report = reportOf([{ name: "a.json", results }]);
  expect(report).toContain(
    "| 4, 64x64, 8 | 10x / 8.00x | 1.8x / 2.00x | 1.3x / 1.25x | 75 % / 75 % | at most (b)'s / 0.80x | 0123456789 |",
  );
  expect(report).toContain("| 3, 32x32, 16 | 7x / not measured |");
  expect(report).toContain("| 512 | 4 | 8 | bf16 | 2.00 (4.00 to 1.00) | not measured | 0.250 (0.500 to 0.125) |");
  expect(report).toContain("This machine has no amx_bf16");
  expect(report).toContain("| training step, any phase | not measured |");
  expect(reportOf([{ name: "a.json", results }]), "the same files give the same text").toBe(report);
});

test("the studio's page stands beside what is wanted of it, with what else the machine did", () => {
  const latency = (median: number) => ({ median, p95: 2 * median, count: 200 });
  const studio = {
    model: { name: "faces-photos", resolution: 64, latent: 128 },
    chromium: "150.0",
    slider: { page: latency(20), server: latency(25) },
    request: latency(8),
    firstVisit: {
      seconds: { median: 1.5, min: 1.25, max: 2 },
      bytes: 5 * 2 ** 20,
      bytesInAll: 20 * 2 ** 20,
      visits: 5,
    },
    load: { others: 0.1, cores: 2 },
  };
  const report = reportOf([{ name: "a.json", results: { ...results, studio: [studio] } }]);
  expect(report).toContain("| slider to pixels in the page, 64x64, n 128 | p95 under 100 ms | 20.0, 40.0 ms |");
  expect(report).toContain("| first visit to the first reconstruction | at most 3 s | 1.50 s (1.25 to 2.00) |");
  expect(report).toContain("| sent by then; until the page computes too |  | 5.0 MiB; 20.0 MiB |");
  const told = (load: StudioTiming["load"]) =>
    reportOf([{ name: "a.json", results: { ...results, studio: [{ ...studio, load }] } }]).replaceAll(/\s+/g, " ");
  expect(told(studio.load)).toContain("Other processes kept 0.1 of 2 cores busy meanwhile. ");
  expect(told({ others: 1.5, cores: 2 })).toContain(
    "kept 1.5 of 2 cores busy meanwhile, so that these are upper bounds",
  );
  expect(told({ processes: 4, cores: 2 }), "an older file").toContain(
    "The load average was 4.0 at the end, on 2 cores",
  );
  expect(reportOf([{ name: "a.json", results }])).not.toContain("studio");
});

test("with the units the goals are for, nothing is excused", () => {
  const machine = { ...results.machine, bf16: ["amx_bf16", "avx512_bf16"] };
  expect(reportOf([{ name: "a.json", results: { ...results, machine } }])).not.toMatch(/they\s+do\s+not\s+bind/);
});

test("of a machine the newest file is shown, older ones are named", () => {
  const newer = { ...results, date: "2026-12-01T08:00:00.000Z", steps: [] };
  const other = { ...results, machine: { ...results.machine, cpu: "B" } };
  for (const each of [results, other, newer]) saveResults(folder, each);
  const report = reportOf(readResults(folder));
  expect(report.match(/^## .*$/gm)).toEqual(["## A CPU @ 2 GHz, 2 cores", "## B, 2 cores", "## GPU"]);
  expect(report).toContain(
    "Earlier: [2026-11-22-a-cpu-2-ghz-0123456789.json](results/2026-11-22-a-cpu-2-ghz-0123456789.json).",
  );
});

test("a part measured again replaces that part of the file", () => {
  const again = { ...step, ours: timing(8, 3.333333333, 1400) };
  const name = saveResults(folder, { ...results, steps: [again, { ...step, phase: 3, batch: 16 }], prepare: [] });
  const saved = JSON.parse(readFileSync(join(folder, name), "utf8")) as Results;
  expect(saved.steps.map(({ phase, ours }) => [phase, ours.seconds.median])).toEqual([
    [4, 3.3333],
    [3, 4],
  ]);
  expect(saved.prepare).toEqual(results.prepare);
});

test("other settings are other measurements, and goals are of those that we choose", () => {
  const elsewhere = { ...results, commit: "other", steps: [step] };
  const more = [
    { ...step, convolutions: "direct", forced: true, ours: timing(8, 5, 1400) },
    { ...step, threads: 1, ours: timing(8, 6, 1400) },
    { ...step, precision: "fp32", ours: timing(8, 7, 1400) },
  ] as const;
  saveResults(folder, elsewhere);
  const name = saveResults(folder, { ...elsewhere, steps: more });
  const saved = JSON.parse(readFileSync(join(folder, name), "utf8")) as Results;
  expect(saved.steps.map(({ ours }) => ours.seconds.median)).toEqual([4, 5, 6, 7]);
  const report = reportOf([{ name, results: saved }]);
  expect(report).toContain("| 4, 64x64, 8 | 10x / 8.00x |");
  for (const cell of ["bf16 | 2.00", "bf16, direct | 1.60", "bf16, 1 threads | 1.33", "fp32 | 1.14"]) {
    expect(report).toContain(`| 512 | 4 | 8 | ${cell} (`);
  }
});

test("baselines that computed in another precision than ours say in which", () => {
  const steps = [{ ...step, precision: "fp32", baselinePrecision: "bf16" }] as const;
  const report = reportOf([{ name: "a.json", results: { ...results, steps } }]);
  expect(report).toContain("| 512 | 4 | 8 | fp32 ((b), (c): bf16) | 2.00 (");
  const alike = [{ ...step, baselinePrecision: "bf16" }] as const;
  expect(reportOf([{ name: "a.json", results: { ...results, steps: alike } }])).toContain(
    "| 512 | 4 | 8 | bf16 | 2.00 (",
  );
});

test("what was asked for tells steps apart, not the precision that a measurement chose", () => {
  const elsewhere = { ...results, commit: "auto", steps: [{ ...step, askedPrecision: "auto" }] } as const;
  const again = { ...step, precision: "fp32", askedPrecision: "auto", ours: timing(8, 7, 1400) } as const;
  const fixed = { ...step, askedPrecision: "bf16", ours: timing(8, 5, 1400) } as const;
  const slower = { ...step, precision: "fp32", askedPrecision: "fp32", ours: timing(8, 9, 1400) } as const;
  saveResults(folder, elsewhere);
  const name = saveResults(folder, { ...elsewhere, steps: [again, slower] });
  saveResults(folder, { ...elsewhere, steps: [fixed] });
  const saved = JSON.parse(readFileSync(join(folder, name), "utf8")) as Results;
  expect(saved.steps.map(({ ours }) => ours.seconds.median)).toEqual([7, 9, 5]);
  const report = reportOf([{ name, results: saved }]);
  // 8 / 7 images/s against 8 / 32.
  expect(report).toContain("| 4, 64x64, 8 | 10x / 4.57x |");
  for (const cell of ["auto: fp32 | 1.14", "fp32 | 0.889", "bf16 | 1.60"]) {
    expect(report).toContain(`| 512 | 4 | 8 | ${cell} (`);
  }
  const only = reportOf([{ name, results: { ...saved, steps: [slower] } }]);
  expect(only).toContain("| 4, 64x64, 8 | 10x / not measured |");
});

/** All that `make bench` measures of steps. */
const allSteps = [512, 128].flatMap((n) =>
  [128, 64, 32, 16, 8, 4].map(
    (batch, phase): StepComparison => ({ ...step, n, phase, batch, ours: timing(batch, 4, 1400) }),
  ),
);

test("steps are of the newest file that has all, and what was measured since stands apart", () => {
  const older = { name: "a.json", results: { ...results, steps: allSteps } };
  const again = { ...step, ours: timing(8, 2, 1400) };
  const newer = { name: "b.json", results: { ...results, commit: "newer", steps: [again] } };
  const report = reportOf([newer, older]);
  expect(report).toContain("| 4, 64x64, 8 | 10x / 8.00x |");
  expect(report).toMatch(/### Wanted and reached, n = 512\n\n2026-11-22, commit 0123456789,\s\[a.json\]/);
  const [all = "", since = ""] = report.split("### Training step, measured again since");
  expect(all).toContain("| 512 | 4 | 8 | bf16 | 2.00 (");
  expect(since).toContain("| 512 | 4 | 8 | bf16 | 4.00 (");
  expect(since).toContain("| newer |");

  const lacking = (steps: readonly StepComparison[]) =>
    reportOf([newer, { name: "a.json", results: { ...results, steps } }]).replaceAll(/\s+/g, " ");
  for (const steps of [allSteps.slice(1), allSteps.map((each) => ({ ...each, eagerBf16: null }))]) {
    expect(lacking(steps), "rows are then of several commits").toContain("at the commit that its row names");
    expect(lacking(steps)).toContain("| 4, 64x64, 8 | 10x / 16.00x |");
  }
});

test("a quick run has a file and a section of its own, and stands in for nothing", () => {
  const few = { ...timing(8, 1, 1400), steps: 1 };
  const quick: Results = { ...results, quick: true, steps: [{ ...step, ours: few, eagerBf16: { ...few, steps: 2 } }] };
  expect(saveResults(folder, quick)).toBe("2026-11-22-a-cpu-2-ghz-0123456789-quick.json");
  const files = [{ name: "q.json", results: quick }];
  const alone = reportOf(files);
  expect(alone).toContain(
    "## A CPU @ 2 GHz, 2 cores\n\nQuick runs only.\n\n### Quick run\n\n2026-11-22, commit 0123456789",
  );
  expect(alone).toContain("| 8.00 (16.0 to 4.00), 1 step | ");
  expect(alone).toContain("| 8.00 (16.0 to 4.00), 2 steps | ");
  expect(alone).not.toContain("### Wanted and reached");
  const [complete = ""] = reportOf([...files, { name: "a.json", results }]).split("### Quick run");
  expect(complete).toContain("| 512 | 4 | 8 | bf16 | 2.00 (");
  expect(reportOf([...files, ...files])).toContain("Earlier: [q.json](results/q.json) (quick).");
});

test("a step beside other work says so", () => {
  const cell = (others: number) =>
    reportOf([{ name: "a.json", results: { ...results, steps: [{ ...step, others }] } }]);
  expect(cell(0.3)).toContain("| 512 | 4 | 8 | bf16, beside other work on 0.3 cores |");
  expect(cell(0.1)).toContain("| 512 | 4 | 8 | bf16 |");
});

test("steps on a GPU stand by themselves, with what is wanted there", () => {
  const machine = { ...results.machine, gpu: "H100" };
  const onGpu = { ...step, device: "cuda", batch: 32, convolutions: "direct", matrixTflops: 700 } as const;
  const steps = [{ ...onGpu, ours: timing(32, 0.08, 4000), eagerBf16: timing(32, 0.2, 5000), eagerFp32: null }];
  const report = reportOf([{ name: "gpu.json", results: { ...results, machine, steps } }]);
  const [, gpu] = report.split("## GPU");
  // 400 images/s; 2.5 times (b); a limit of 3 s is of another step; the flops of an image by 700 TFLOP/s.
  const share = (100 * flopsPerImage({ latent: 512, channels: 512 }, 4, recipe) * 400) / 700e12;
  expect(gpu).toContain("| H100 | 512 | 4 | 32 | bf16 | 400 (800 to 200) | not measured | 160 (320 to 80.0) | 2.50x |");
  expect(gpu).toContain(`| ${share.toFixed(0)} % | 0.80x | 0123456789 |`);
  expect(report).toContain("| 4, 64x64, 8 | 10x / not measured |");
});

test("RESULTS.md is what the committed files give", () => {
  expect(readFileSync(join(bench, "RESULTS.md"), "utf8")).toBe(reportOf(readResults(join(bench, "results"))));
});
