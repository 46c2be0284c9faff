// Encoding and decoding by exported graphs in ONNX Runtime, beside eager PyTorch in float32 and our own openModel().
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLearner, disposeLearner, exportGraphs, resolutionOf } from "pioneer-networks/torch";
import type { ModelConfig } from "pioneer-runtime";
import { RandomGenerator, setThreads } from "pioneer-torch";
import type { Direction, OnnxTiming, OnnxTrial } from "./onnx-trial.ts";
import { bench } from "./places.ts";
import { progress, runJson } from "./process.ts";
import type { Python } from "./python.ts";
import { recipe, type Workload } from "./workload.ts";

export interface ExportedTiming extends Workload {
  readonly dtype: ModelConfig["dtype"];
  readonly threads: number;
  readonly onnx: OnnxTiming;
  readonly eager: { readonly torch: string; readonly encode: Direction; readonly decode: Direction } | null;
}

/** One size: graphs of networks at their random start, which cost what trained ones do. */
export async function timeExported(
  { phase, batch, n }: Workload,
  dtype: ExportedTiming["dtype"],
  threads: number,
  python: Python | undefined,
  least = { runs: 5, seconds: 2 },
): Promise<ExportedTiming> {
  setThreads(threads);
  const folder = mkdtempSync(join(tmpdir(), "pioneer-bench-"));
  try {
    progress(`n ${n}, phase ${phase}, ${dtype}: exporting`);
    const learner = createLearner(recipe, { latent: n, channels: n }, 0.001, new RandomGenerator(0));
    const graphs = exportGraphs(learner, { phase, alpha: 1 }, "rgb", dtype);
    disposeLearner(learner);
    const files = { encode: join(folder, "encoder.onnx"), decode: join(folder, "generator.onnx") };
    writeFileSync(files.encode, graphs.encoder);
    writeFileSync(files.decode, graphs.generator);
    const trial: OnnxTrial = { files, latent: n, resolution: resolutionOf(phase), batch, threads, least };
    progress("timing ONNX Runtime");
    const onnx = await runJson<OnnxTiming>(process.execPath, [
      join(bench, "dist", "onnx-trial.js"),
      JSON.stringify(trial),
    ]);
    if (!python) return { phase, batch, n, dtype, threads, onnx, eager: null };
    progress("timing eager PyTorch");
    const options = { phase, batch, n, threads, ...least };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const eager = await runJson<NonNullable<ExportedTiming["eager"]>>(python.interpreter, [
      join(bench, "baselines", "inference.py"),
      ...args,
    ]);
    return { phase, batch, n, dtype, threads, onnx, eager };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A Markdown table: milliseconds for each image, alone and in batches; encode and decode together are compared. */
export function describeExported(timings: readonly ExportedTiming[]): string {
  const heads =
    "size | n | dtype | batch | ONNX encode | decode | PyTorch encode | decode | times as fast | cold start";
  const lines = timings.flatMap(({ phase, batch, n, dtype, onnx, eager }) => {
    const r = resolutionOf(phase);
    return (["single", "batch"] as const).map((kind) => {
      const count = kind === "single" ? 1 : batch;
      const ms = (direction: Direction) => (1000 * direction[kind].median) / count;
      const ours = ms(onnx.encode) + ms(onnx.decode);
      const theirs = eager && ms(eager.encode) + ms(eager.decode);
      return [
        `${r}×${r}`,
        n,
        dtype,
        count,
        ...[onnx.encode, onnx.decode].map((direction) => `${ms(direction).toFixed(1)} ms`),
        ...(eager ? [eager.encode, eager.decode].map((direction) => `${ms(direction).toFixed(1)} ms`) : ["", ""]),
        theirs === null ? "not measured" : (theirs / ours).toFixed(2),
        kind === "single" ? `${onnx.cold.decode.toFixed(2)} s` : "",
      ].join(" | ");
    });
  });
  const rule = heads.replace(/[^|]+/g, " --- ").trim();
  return [heads, rule, ...lines].map((line) => `| ${line} |`).join("\n");
}
