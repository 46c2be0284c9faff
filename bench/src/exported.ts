// Encoding and decoding by exported graphs in ONNX Runtime, beside eager PyTorch in float32 and our own openModel().
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createLearner, disposeLearner, exportGraphs, readModelConfig, resolutionOf } from "pioneer-networks/torch";
import { graphPorts } from "pioneer-runtime/internal";
import { RandomGenerator, setThreads } from "pioneer-torch";
import { type ExportedTiming, type PerImage, rowsOf } from "./exported-rows.ts";
import type { OnnxTiming, OnnxTrial } from "./onnx-trial.ts";
import { bench } from "./places.ts";
import { progress, runJson } from "./process.ts";
import type { Python } from "./python.ts";
import { recipe, type Workload } from "./workload.ts";

export interface ExportedOptions {
  readonly threads: number;
  /** The build for pages too. */
  readonly wasm: boolean;
  readonly least?: { readonly runs: number; readonly seconds: number };
}

const enough = { runs: 5, seconds: 2 };

/** One size: graphs of networks at their random start, which cost what trained ones do. */
export async function timeExported(
  { phase, batch, n }: Workload,
  dtype: ExportedTiming["dtype"],
  options: ExportedOptions,
  python: Python | undefined,
): Promise<ExportedTiming> {
  const { threads, least = enough } = options;
  setThreads(threads);
  const folder = mkdtempSync(join(tmpdir(), "pioneer-bench-"));
  try {
    progress(`n ${n}, phase ${phase}, ${dtype}: exporting`);
    const learner = createLearner(recipe, { latent: n, channels: n }, 0.001, new RandomGenerator(0));
    const graphs = exportGraphs(learner, { phase, alpha: 1 }, "rgb", dtype);
    disposeLearner(learner);
    writeFileSync(join(folder, graphPorts.encoder.file), graphs.encoder);
    writeFileSync(join(folder, graphPorts.generator.file), graphs.generator);
    const timings = await timeFolder(folder, { latent: n, resolution: resolutionOf(phase), batch }, options);
    const of = { phase, batch, n, dtype, threads, ...timings };
    if (!python) return { ...of, eager: null };
    progress("timing eager PyTorch");
    const args = Object.entries({ phase, batch, n, threads, ...least }).flatMap(([name, value]) => [
      `--${name}`,
      `${value}`,
    ]);
    const eager = await runJson<NonNullable<ExportedTiming["eager"]>>(python.interpreter, [
      join(bench, "baselines", "inference.py"),
      ...args,
    ]);
    return { ...of, eager };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A model folder that there is. */
export async function timeModel(folder: string, batch: number, options: ExportedOptions): Promise<ExportedTiming> {
  const { latent, resolution, phase, channels, dtype } = await readModelConfig(folder);
  const timings = await timeFolder(folder, { latent, resolution, batch }, options);
  const { threads } = options;
  return { model: basename(folder), phase, batch, n: channels, dtype, threads, ...timings, eager: null };
}

async function timeFolder(
  folder: string,
  of: Pick<OnnxTrial, "latent" | "resolution" | "batch">,
  { threads, wasm, least = enough }: ExportedOptions,
): Promise<Pick<ExportedTiming, "onnx" | "wasm">> {
  const files = { encode: join(folder, graphPorts.encoder.file), decode: join(folder, graphPorts.generator.file) };
  const time = (engine: OnnxTrial["engine"]) => {
    progress(`timing ONNX Runtime, ${engine}`);
    const trial: OnnxTrial = { engine, files, ...of, threads, least };
    return runJson<OnnxTiming>(process.execPath, [join(bench, "dist", "onnx-trial.js"), JSON.stringify(trial)]);
  };
  const onnx = await time("node");
  return wasm ? { onnx, wasm: await time("wasm") } : { onnx };
}

/** A Markdown table: milliseconds for each image, alone and in batches; encode and decode together are compared with PyTorch's. */
export function describeExported(timings: readonly ExportedTiming[]): string {
  const heads = `size | n | dtype | batch | ONNX encode | decode | WASM encode | decode | PyTorch encode | decode | times as fast | cold start`;
  const pair = (each: PerImage | undefined) =>
    each ? [each.encode, each.decode].map((milliseconds) => `${milliseconds.toFixed(1)} ms`) : ["", ""];
  const lines = timings.flatMap((timing) =>
    rowsOf(timing).map(({ count, onnx, wasm, eager, faster, coldSeconds }) =>
      [
        `${resolutionOf(timing.phase)}×${resolutionOf(timing.phase)}`,
        timing.model ?? timing.n,
        timing.dtype,
        count,
        ...pair(onnx),
        ...pair(wasm),
        ...pair(eager),
        faster === undefined ? "not measured" : faster.toFixed(2),
        coldSeconds === undefined ? "" : `${coldSeconds.toFixed(2)} s`,
      ].join(" | "),
    ),
  );
  const rule = heads.replace(/[^|]+/g, " --- ").trim();
  return [heads, rule, ...lines].map((line) => `| ${line} |`).join("\n");
}
