// npm run -s bench -- step --phase 4 --batch 8 --json
import { compareStep, type Extent, type StepComparison, summaryOf, type Timing } from "./compare.ts";
import {
  command,
  computingOf,
  defaultSize,
  dtypesOf,
  flags,
  lastPhase,
  leastSecondsOf,
  minutesOf,
  operands,
  stepsOf,
  threadsOf,
  trialsOf,
  UsageError,
  wantedOf,
  wholes,
  workloadOf,
} from "./options.ts";
import { busyNow } from "./others.ts";
import { progress } from "./process.ts";
import { recordStep, tableOf, totalsOf } from "./profile.ts";
import { addonFor, newestPython, systemPython } from "./python.ts";
import { batches, newResults, type Part, parts, saveResults } from "./results.ts";
import { runTrial, type Settings } from "./trial.ts";
import type { Workload } from "./workload.ts";

const usage = `Usage: npm run -s bench -- COMMAND [options]

  all       everything, into bench/results/ and bench/RESULTS.md (some hours); a part of it with
            --only steps,scaling,inference,exported,prepare,commands,studio  --phases 2,4  --n 512
  quick     the main rows of it in --minutes (default 10), of as many steps as there is time for; not while other processes
            compute, unless with --busy
  step      training steps (one encoder and two generator updates) beside PyTorch and the limit
            (--out FOLDER: keeps it there as all does in bench/results/)
  device    whether --device computes what the processor does: each fused operator, and steps as CUDA graphs; exit code 1
            if not
  scaling   training steps of --threads processes of one thread beside one process of as many (default 2)
  profile   what one step spends its time in, operator by operator
  precision whether training in bf16 goes where float32 goes: 200 steps on drawn faces, three seeds (16x16, batch 16,
            n 64); exit code 1 if not
  editing   what directions do to held-out images, drawn faces or photos: --model RUN|MODEL --data PACK --out FILES, which
            writes FILES.json and FILES.png (--parameters smile,nose=nose_width,feminine=-male,... as directions
            --attribute takes them; --steps of the network that reads them off the pixels, default 2000)
  exported  encode and decode by exported graphs in ONNX Runtime beside eager float32 PyTorch, and their cold start:
            --phases 4,5 --n 512,128 --batch 8 --dtype fp32,fp16,int8, or --model MODEL; --wasm also in the build for
            pages, on one thread
  studio    the studio's page in Chromium: slider to pixels, first visit to first reconstruction, bytes; --steps changes of
            the slider (default 200), --trials visits (default 5)
  report    bench/RESULTS.md anew from bench/results/

  --phase P, --batch B    default 4 and 8
  --n N                   latent dimension and channels, default 512
  --steps S, --trials T   timed steps of each process after one that is not (default: at least 5 and for two seconds, after
                          as long a warm-up), and processes (default 1)
  --device cpu|cuda       of steps, their baselines and their limit; default cpu
  --cuda-graphs           ours as CUDA graphs
  --precision auto|bf16|fp32, --convolutions auto|direct|winograd|taps, --threads T
  --no-baselines, --no-limit
                          leave out the steps in PyTorch, or the products alone
  --json                  one object on one line

Baselines (a) and (b) need a python3 with PyTorch, (c) a Python named in PIONEER_BENCH_PYTHON (bench/README.md).

Example: npm run -s bench -- step --phase 4 --batch 8 --json`;

/** Of what a training run does not measure: inference and exported models. */
async function unmeasuredSettings(): Promise<Settings & { why: string }> {
  const { accv2018, checkCudaGraphs, chooseComputing } = await import("pioneer-networks/torch");
  const wanted = wantedOf();
  const { precision, convolutions, threads, why } = chooseComputing(wanted);
  if (precision === "fp64") throw new UsageError("steps are timed in bf16 or fp32");
  const device = flags.device as Settings["device"];
  const forced = flags.convolutions !== "auto";
  const cudaGraphs = flags["cuda-graphs"];
  if (cudaGraphs) checkCudaGraphs(device, accv2018);
  return { device, cudaGraphs, precision, askedPrecision: wanted.precision, convolutions, forced, threads, why };
}

async function settingsOf(workload: Workload): Promise<Settings & { why: string }> {
  const { precision: theirs, ...unmeasured } = await unmeasuredSettings();
  const { precision, convolutions, threads, why } = await computingOf(workload);
  if (precision === "fp64") throw new UsageError("steps are timed in bf16 or fp32");
  return { ...unmeasured, precision, baselinePrecision: theirs, convolutions, threads, why };
}

/** What `step` and `all` compare with; only `all` takes the newest PyTorch, which needs a build and compiles for minutes. */
async function extentOf({ newest }: { newest: boolean }): Promise<Extent> {
  const baselines = !flags["no-baselines"];
  const newestFound = baselines && newest ? await newestPython() : undefined;
  return {
    steps: stepsOf(),
    leastSeconds: leastSecondsOf(),
    trials: trialsOf(),
    limit: !flags["no-limit"],
    system: baselines ? await systemPython(flags.device as Settings["device"]) : undefined,
    newest: newestFound,
    newestAddon: newestFound && (await addonFor(newestFound)),
  };
}

const commands: Record<string, () => void | Promise<void>> = {
  async all() {
    // Not before: it loads the image library, which trials do not need.
    const { benchAll } = await import("./all.ts");
    const only = (flags.only ?? parts.join(",")).split(",");
    const unknown = only.find((part) => !parts.includes(part as Part));
    if (unknown !== undefined) throw new UsageError(`--only takes ${parts.join(", ")}, got ${unknown}`);
    const selection = {
      only: only as Part[],
      phases: wholes("phases", flags.phases ?? [...batches.keys()].join(","), 0, lastPhase),
      sizes: wholes("n", flags.n ?? `${defaultSize},128`, 2),
    };
    const busy = await busyNow();
    if (busy !== undefined) progress(`${busy}: figures will be too low, and say so`);
    progress("all of it takes about two hours on two cores; what is measured is saved as it comes");
    await benchAll(
      selection,
      flags.device as Settings["device"],
      { ofStep: settingsOf, unmeasured: await unmeasuredSettings() },
      await extentOf({ newest: only.includes("steps") }),
    );
  },

  async quick() {
    // Not before: it loads the image library, which trials do not need.
    const { benchQuick } = await import("./quick.ts");
    const { quickSection } = await import("./report.ts");
    if (wantedOf().device !== "cpu")
      throw new UsageError("quick measures the processor; on a GPU use step --device cuda");
    const minutes = minutesOf(10);
    const sizes = wholes("n", flags.n ?? `128,${defaultSize}`, 2).sort((a, b) => a - b);
    const settings = { ofStep: settingsOf, unmeasured: await unmeasuredSettings() };
    const busy = flags.busy ? undefined : await busyNow();
    if (busy !== undefined) {
      throw new UsageError(`${busy}, figures would be too low: wait for them, or give --busy, and the results say so`);
    }
    const extent = { ...(await extentOf({ newest: false })), steps: stepsOf(3), limit: false };
    const results = newResults(extent, "cpu", { quick: true });
    await benchQuick(results, sizes, minutes, settings, extent);
    console.log(flags.json ? JSON.stringify(results.steps.map(summaryOf)) : quickSection(results));
  },

  async exported() {
    const { describeExported, timeExported, timeModel } = await import("./exported.ts");
    const python = flags["no-baselines"] ? undefined : await systemPython();
    const { threads } = await unmeasuredSettings();
    const options = { threads, wasm: flags.wasm };
    const timings = [];
    if (flags.model !== undefined) timings.push(await timeModel(flags.model, workloadOf().batch, options));
    else {
      for (const n of wholes("n", flags.n ?? `${defaultSize},128`, 2)) {
        for (const phase of wholes("phases", flags.phases ?? "4,5", 0, lastPhase)) {
          const workload = workloadOf({ phase, batch: 8, n });
          for (const dtype of dtypesOf()) {
            timings.push(await timeExported({ ...workload, phase, n }, dtype, options, python));
          }
        }
      }
    }
    console.log(flags.json ? JSON.stringify(timings) : describeExported(timings));
  },

  async studio() {
    // Not before: it loads the image library and a browser's client.
    const { timeStudio } = await import("./studio.ts");
    const timing = await timeStudio({ changes: stepsOf(200), visits: trialsOf(5) });
    if (!timing) process.exitCode = 1;
    else if (flags.json) console.log(JSON.stringify(timing));
    else console.log((await import("./report.ts")).studioTable([timing]));
  },

  async report() {
    const { writeReport } = await import("./all.ts");
    writeReport();
  },

  async step() {
    const { why, ...settings } = await settingsOf(workloadOf());
    const extent = await extentOf({ newest: false });
    const comparison = await compareStep(workloadOf(), settings, extent);
    if (flags.out !== undefined) {
      saveResults(flags.out, { ...newResults(extent, settings.device), steps: [comparison] });
    }
    console.log(flags.json ? JSON.stringify(summaryOf(comparison)) : described(comparison, why));
  },

  async device() {
    const { describeChecks, checkDevice } = await import("./device.ts");
    const checks = checkDevice(wantedOf());
    console.log(flags.json ? JSON.stringify(checks) : describeChecks(checks));
    if (checks.some(({ ok }) => !ok)) process.exitCode = 1;
  },

  async scaling() {
    const { describeScaling, timeScaling } = await import("./scaling.ts");
    const { why: _, ...settings } = await settingsOf(workloadOf());
    const timing = await timeScaling(workloadOf(), settings, stepsOf());
    console.log(flags.json ? JSON.stringify(timing) : describeScaling(timing));
  },

  async profile() {
    const totals = totalsOf(recordStep(workloadOf(), await computingOf(workloadOf()), leastSecondsOf()));
    console.log(flags.json ? JSON.stringify(totals) : tableOf(totals));
  },

  async precision() {
    // Not before: it loads the image library, which trials do not need.
    const { comparePrecisions, describePrecisions } = await import("./precision.ts");
    const workload = workloadOf({ phase: 2, batch: 16, n: 64 });
    const rows = await comparePrecisions({
      ...workload,
      computingOf: (precision) => computingOf(workload, precision),
      steps: stepsOf(200),
      onRun: (run) => progress(run),
    });
    console.log(flags.json ? JSON.stringify(rows) : describePrecisions(rows));
    if (rows.some(({ difference, allowed }) => difference > allowed)) process.exitCode = 1;
  },

  async editing() {
    const { model, data, out, parameters } = flags;
    if (!model || !data || !out) throw new UsageError("editing needs --model RUN --data PACK --out FILES");
    // Not before: it loads the image library, which trials do not need.
    const { runEditing } = await import("./editing/run.ts");
    const editing = await runEditing({ model, data, out, parameters, steps: stepsOf(2000), threads: threadsOf() });
    if (flags.json) console.log(JSON.stringify(editing));
  },

  /** A child of the above. */
  trial: () => runTrial(operands[0] as string),
};

function described(comparison: StepComparison, why: string): string {
  const { phase, batch, n, precision, baselinePrecision = precision, threads } = comparison;
  const { ours, eagerFp32, eagerBf16, limit } = comparison;
  const line = (what: string, timing: Timing | null) => {
    if (!timing) return `${what}: not measured`;
    const { median, min, max } = timing.seconds;
    const spread = `${median.toFixed(3)} s per step (${min.toFixed(3)} to ${max.toFixed(3)})`;
    return `${what}: ${timing.imagesPerSecond.toPrecision(3)} images/s, ${spread}, peak ${timing.peakRssMiB.toFixed(0)} MiB, libtorch ${timing.torch}`;
  };
  const { ratioToEagerFp32, ratioToEagerBf16, shareOfLimit, shareOfMatrixRate } = summaryOf(comparison);
  const times = (ratio: number | null) => (ratio === null ? "" : `; ours is ${ratio.toFixed(2)} times as fast`);
  return [
    `phase ${phase}, batch ${batch}, n ${n}, ${precision} (${why}), ${threads} threads`,
    line("ours", ours),
    line("(a) the authors' step, eager float32", eagerFp32) + times(ratioToEagerFp32),
    line(`(b) PyTorch at its best settings, ${baselinePrecision}`, eagerBf16) + times(ratioToEagerBf16),
    limit && shareOfLimit !== null
      ? `limit, the products alone: ${limit.seconds.toFixed(3)} s; ours reaches ${(100 * shareOfLimit).toFixed(0)} %`
      : "limit: not measured",
    ...(shareOfMatrixRate === undefined || shareOfMatrixRate === null
      ? []
      : [
          `of the bf16 matrix rate, ${comparison.matrixTflops?.toFixed(0)} TFLOP/s: ${(100 * shareOfMatrixRate).toFixed(0)} %`,
        ]),
  ].join("\n");
}

async function main(): Promise<number> {
  const run = commands[command];
  if (flags.help || !run) {
    console.log(usage);
    return flags.help ? 0 : 2;
  }
  try {
    await run();
    return 0;
  } catch (error) {
    // Also what chooses device and precision refuses, and models and data that cannot be used.
    const { exitCode, message } = error as Error & { exitCode?: number };
    if (exitCode === undefined) throw error;
    console.error(`bench: ${message}`);
    return exitCode;
  }
}
const code = await main();
if (code !== 0) process.exitCode = code;
