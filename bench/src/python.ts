// The baselines in PyTorch, and where an interpreter with PyTorch is.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { bench, repository } from "./places.ts";
import { progress, run, runJson } from "./process.ts";
import type { StepTime } from "./time-shares.ts";
import type { Settings } from "./trial.ts";
import type { Workload } from "./workload.ts";

export interface Python {
  readonly interpreter: string;
  /** Version of PyTorch. */
  readonly torch: string;
  /** The folder of the package: a libtorch. */
  readonly libtorch: string;
}

export interface BaselineTiming {
  readonly torch: string;
  readonly threads: number;
  readonly secondsPerStep: readonly number[];
  readonly peakRssMiB: number;
}

/** As the authors wrote it; as one writes it today; the same under torch.compile. */
export type Variant = "authors" | "tuned" | "compiled";

const describe =
  "import json, os, torch; print(json.dumps({'torch': torch.__version__.split('+')[0], 'libtorch': os.path.dirname(torch.__file__)}))";

async function pythonAt(interpreter: string): Promise<Python | undefined> {
  try {
    return { interpreter, ...(await runJson<Omit<Python, "interpreter">>(interpreter, ["-c", describe])) };
  } catch {
    return undefined;
  }
}

/** The system's Python where it has PyTorch (Debian: python3-torch), for baselines (a) and (b); on a GPU it must be 2.0 or newer. */
export async function systemPython(device: Settings["device"] = "cpu"): Promise<Python | undefined> {
  const found = (await pythonAt("/usr/bin/python3")) ?? (await pythonAt("python3"));
  if (!found)
    progress("no baselines (a) and (b): python3 has no PyTorch (Debian, Ubuntu: apt-get install python3-torch)");
  else if (device === "cuda" && found.torch.startsWith("1.")) {
    progress(`no baselines (a) and (b): on a GPU they need PyTorch 2, and python3 has ${found.torch}`);
    return undefined;
  }
  return found;
}

/** The interpreter named in PIONEER_BENCH_PYTHON, with a PyTorch 2.x, for baseline (c). */
export async function newestPython(): Promise<Python | undefined> {
  const interpreter = process.env.PIONEER_BENCH_PYTHON;
  const found = interpreter ? await pythonAt(interpreter) : undefined;
  if (!interpreter)
    progress("no baseline (c): set PIONEER_BENCH_PYTHON to a Python with PyTorch 2.x (bench/README.md says how)");
  else if (!found) progress(`no baseline (c): PIONEER_BENCH_PYTHON=${interpreter} cannot import torch`);
  return found;
}

/** One trial of one baseline, in a process of its own. */
export const timeBaseline = (
  python: Python,
  variant: Variant,
  { phase, batch, n }: Workload,
  { device, precision, threads }: Settings,
  { steps, leastSeconds = 0, seconds }: StepTime,
): Promise<BaselineTiming> => {
  const time = { steps, "least-seconds": leastSeconds, ...(seconds !== undefined && { seconds }) };
  const options = Object.entries({ phase, batch, n, ...time, device, precision, threads });
  const args = options.flatMap(([name, value]) => [`--${name}`, `${value}`]);
  return runJson(python.interpreter, [join(bench, "baselines", "step.py"), variant, ...args]);
};

/** Our addon built against this PyTorch's libtorch, in a cache folder. @returns the folder, undefined if it cannot be built */
export async function addonFor({ libtorch, torch }: Python): Promise<string | undefined> {
  const folder = join(repository, ".cache", "bench", `libtorch-${torch}`);
  progress(`building the addon against libtorch ${torch} (some minutes the first time)`);
  const source = join(repository, "packages", "torch");
  for (const args of [
    ["-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release"],
    ["--build", folder],
  ]) {
    const { code, stderr } = await run("cmake", args, { LIBTORCH: libtorch });
    if (code !== 0) {
      progress(`not measured on libtorch ${torch}: cmake failed: ${stderr.trim().split("\n").at(-1)}`);
      return undefined;
    }
  }
  return existsSync(join(folder, "pioneer_torch.node")) ? folder : undefined;
}
