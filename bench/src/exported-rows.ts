// What was timed of exported graphs, and as rows: images alone, and in batches.
import type { ModelConfig } from "pioneer-runtime";
import type { Direction, OnnxTiming } from "./onnx-trial.ts";
import type { Workload } from "./workload.ts";

export interface ExportedTiming extends Workload {
  /** Name of the model folder; networks at their random start have none. */
  readonly model?: string;
  readonly dtype: ModelConfig["dtype"];
  readonly threads: number;
  readonly onnx: OnnxTiming;
  /** Of the build for pages, one thread. Missing where it was not asked for. */
  readonly wasm?: OnnxTiming;
  readonly eager: { readonly torch: string; readonly encode: Direction; readonly decode: Direction } | null;
}

/** Milliseconds for each image. */
export interface PerImage {
  readonly encode: number;
  readonly decode: number;
}

export interface ExportedRow {
  /** Images at once. */
  readonly count: number;
  readonly onnx: PerImage;
  readonly wasm: PerImage | undefined;
  readonly eager: PerImage | undefined;
  /** How many times as fast ONNX Runtime is as PyTorch, encode and decode together. */
  readonly faster: number | undefined;
  /** Until the first decoded image; of images alone. */
  readonly coldSeconds: number | undefined;
}

export const rowsOf = ({ batch, onnx, wasm, eager }: Pick<ExportedTiming, "batch" | "onnx" | "wasm" | "eager">) =>
  (["single", "batch"] as const).map((kind): ExportedRow => {
    const count = kind === "single" ? 1 : batch;
    const perImage = ({ encode, decode }: Pick<OnnxTiming, "encode" | "decode">): PerImage => ({
      encode: (1000 * encode[kind].median) / count,
      decode: (1000 * decode[kind].median) / count,
    });
    const sum = ({ encode, decode }: PerImage) => encode + decode;
    const [ours, theirs] = [perImage(onnx), eager ? perImage(eager) : undefined];
    return {
      count,
      onnx: ours,
      wasm: wasm && perImage(wasm),
      eager: theirs,
      faster: theirs && sum(theirs) / sum(ours),
      coldSeconds: kind === "single" ? onnx.cold.decode : undefined,
    };
  });
