// What a benchmark run leaves: bench/results/DATE-CPU-COMMIT.json, one file for a day, a machine and a commit.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { processorName } from "pioneer-networks/torch";
import { capabilities } from "pioneer-torch";
import type { CommandTiming, PrepareTiming } from "./commands.ts";
import type { Extent, StepComparison } from "./compare.ts";
import type { ExportedTiming } from "./exported-rows.ts";
import type { InferenceTiming } from "./inference.ts";
import { repository } from "./places.ts";
import type { ScalingTiming } from "./scaling.ts";
import type { StudioTiming } from "./studio.ts";
import { convolutionsAsked, precisionAsked, type Settings } from "./trial.ts";
import type { Workload } from "./workload.ts";

export const parts = ["steps", "scaling", "inference", "exported", "prepare", "commands", "studio"] as const;
export type Part = (typeof parts)[number];

/** The batch of each phase: the paper's, scaled to a processor. */
export const batches = [128, 64, 32, 16, 8, 4];

export interface Results {
  /** When it began. */
  readonly date: string;
  /** A quick run: few steps of some workloads. */
  readonly quick?: true;
  /** Of this repository; "+" where files were changed since. */
  readonly commit: string;
  readonly machine: {
    readonly cpu: string;
    readonly bf16: readonly string[];
    readonly cores: number;
    readonly memoryGiB: number;
    /** Where steps were measured on one. */
    readonly gpu?: string | undefined;
    readonly system: string;
  };
  readonly versions: {
    readonly node: string;
    readonly libtorch: string;
    readonly systemTorch: string | null;
    readonly newestTorch: string | null;
  };
  steps: readonly StepComparison[];
  /** Missing in files from before several processes were measured. */
  scaling?: readonly ScalingTiming[];
  inference: readonly (Workload & InferenceTiming & Pick<StepComparison, "others">)[];
  /** Missing in files from before there was an export. */
  exported?: readonly ExportedTiming[];
  prepare: readonly PrepareTiming[];
  commands: readonly CommandTiming[];
  /** Missing in files from before there was a studio. */
  studio?: readonly StudioTiming[];
}

export interface ResultsFile {
  readonly name: string;
  readonly results: Results;
}

export function newResults(
  { system, newest }: Pick<Extent, "system" | "newest">,
  device: Settings["device"],
  { quick = false } = {},
): Results {
  const { libtorch, cpuBf16 } = capabilities();
  return {
    date: new Date().toISOString(),
    ...(quick && { quick }),
    commit: commit(),
    machine: {
      cpu: processorName(),
      bf16: cpuBf16,
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: systemName(),
      ...(device === "cuda" && { gpu: gpuName() }),
    },
    versions: {
      node: process.version,
      libtorch,
      systemTorch: system?.torch ?? null,
      newestTorch: newest?.torch ?? null,
    },
    steps: [],
    inference: [],
    exported: [],
    prepare: [],
    commands: [],
    studio: [],
  };
}

function commit(): string {
  // A copy of the files may be all there is.
  if (process.env.PIONEER_BENCH_COMMIT) return process.env.PIONEER_BENCH_COMMIT;
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
    const changed = git(
      "status",
      "--porcelain",
      "--untracked-files=no",
      "--",
      ".",
      ":!bench/results",
      ":!bench/RESULTS.md",
    );
    return git("rev-parse", "--short=10", "HEAD") + (changed === "" ? "" : "+");
  } catch {
    return "unknown";
  }
}

function gpuName(): string {
  try {
    const names = execFileSync("nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"], { encoding: "utf8" });
    return names.split("\n")[0]?.trim() || "a GPU";
  } catch {
    return "a GPU";
  }
}

function systemName(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? process.platform;
  } catch {
    return process.platform;
  }
}

/**
 * Adds to the file of this day, machine and commit: what was measured again replaces what was there. Quick runs have files
 * of their own.
 * @returns the file's name
 */
export function saveResults(folder: string, results: Results): string {
  mkdirSync(folder, { recursive: true });
  const { date, machine, commit, quick } = results;
  const parts = [date.slice(0, 10), slugOf(machine.cpu), commit.replace("+", "-changed"), ...(quick ? ["quick"] : [])];
  const name = `${parts.join("-")}.json`;
  const file = join(folder, name);
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results) : results;
  const merged: Results = {
    ...before,
    ...results,
    machine: { ...before.machine, ...machine },
    // A later part of the same run may have gone without one of the Pythons.
    versions: {
      ...results.versions,
      systemTorch: results.versions.systemTorch ?? before.versions.systemTorch,
      newestTorch: results.versions.newestTorch ?? before.versions.newestTorch,
    },
    steps: replaced(before.steps, results.steps, keyOf),
    scaling: replaced(before.scaling ?? [], results.scaling ?? [], (each) => `${sizeOf(each)} ${each.ranks}`),
    inference: replaced(before.inference, results.inference, sizeOf),
    exported: replaced(before.exported ?? [], results.exported ?? [], sizeOf),
    prepare: replaced(before.prepare, results.prepare, ({ source }) => source),
    commands: replaced(before.commands, results.commands, ({ command }) => command),
    studio: replaced(before.studio ?? [], results.studio ?? [], ({ model }) => model.name),
  };
  writeFileSync(file, `${JSON.stringify(merged, rounded, 1)}\n`);
  return name;
}

/** What makes two measured steps the same, which is what was asked for: files from before there was a choice are of the processor. */
export const keyOf = ({ n, phase, batch, device = "cpu", threads, cudaGraphs = false, ...settings }: OldStep) =>
  [n, phase, batch, device, precisionAsked(settings), convolutionsAsked(settings), threads, cudaGraphs].join(" ");

/** A step as files have it, the first of which lack some settings. */
type OldStep = Workload & Pick<Settings, "precision" | "threads"> & Partial<Settings>;

const sizeOf = ({ n, phase, batch }: Workload) => `${n} ${phase} ${batch}`;

const slugOf = (cpu: string) =>
  cpu
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

function replaced<T>(before: readonly T[], now: readonly T[], keyOf: (value: T) => string): T[] {
  return [...new Map([...before, ...now].map((value) => [keyOf(value), value])).values()];
}

/** Five digits: more than any of these numbers is good for. */
const rounded = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(5)) : value);

/** All files of a folder by name, newest first. */
export function readResults(folder: string): ResultsFile[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const files = names.map((name) => ({
    name,
    results: JSON.parse(readFileSync(join(folder, name), "utf8")) as Results,
  }));
  return files.sort((a, b) => compare(b.results.date, a.results.date) || compare(b.name, a.name));
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
