// What the process of a network is asked and what it answers, one answer for each question, in order.

/** An input or output as the ONNX file declares it; sizes that are not fixed have names. */
export interface Port {
  readonly name: string;
  /** "float32", "uint8" and so on; of what is not a tensor, "other". */
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface Feed {
  readonly name: string;
  readonly data: Float32Array | Uint8Array;
  readonly shape: readonly number[];
}

export type ToNetwork =
  | { kind: "open"; path: string; threads: number }
  | { kind: "run"; feeds: readonly Feed[]; output: string };

export type FromNetwork =
  | { kind: "opened"; inputs: readonly Port[]; outputs: readonly Port[] }
  | { kind: "result"; data: Float32Array; shape: readonly number[] }
  | { kind: "failed"; missing: boolean; message: string };
