// ONNX Runtime in one process for many files, and an ONNX file read without our own writer's definitions.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FromNetwork, Port, ToNetwork } from "../../src/onnx/protocol.ts";

const processFile = fileURLToPath(new URL("../../dist/onnx/process.js", import.meta.url));

/** The process of src/onnx, which opens one file after the other. */
export class Runner {
  readonly #process: ChildProcess;

  constructor() {
    const env = { ...process.env, ORT_DISABLE_TELEMETRY: "1" };
    this.#process = fork(processFile, [String(process.pid)], {
      env,
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  }

  async #ask<Kind extends "opened" | "result">(question: ToNetwork): Promise<Extract<FromNetwork, { kind: Kind }>> {
    const answer = once(this.#process, "message") as Promise<[FromNetwork]>;
    this.#process.send(question);
    const [reply] = await answer;
    if (reply.kind === "failed") throw new Error(reply.message);
    return reply as Extract<FromNetwork, { kind: Kind }>;
  }

  open(path: string): Promise<{ inputs: readonly Port[]; outputs: readonly Port[] }> {
    return this.#ask<"opened">({ kind: "open", path, threads: 1 });
  }

  async run(input: string, data: Float32Array, shape: number[], output: string): Promise<Float32Array> {
    return (await this.#ask<"result">({ kind: "run", feeds: [{ name: input, data, shape }], output })).data;
  }

  close(): void {
    this.#process.disconnect();
  }
}

/** The fields of a protobuf message: number, and content as bytes or as a number. */
function* fields(bytes: Buffer): Generator<{ number: number; content: Buffer; value: number }> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [number, type] = [Math.floor(tag / 8), tag % 8];
    if (type === 0) yield { number, content: Buffer.alloc(0), value: varint() };
    else {
      const length = type === 2 ? varint() : type === 5 ? 4 : 8;
      yield { number, content: bytes.subarray(at, at + length), value: Number.NaN };
      at += length;
    }
  }
}

const inside = (bytes: Buffer, number: number): Buffer[] =>
  [...fields(bytes)].filter((field) => field.number === number).map(({ content }) => content);

/** What the tests ask of a file, by the field numbers of onnx.proto. */
export function structureOf(bytes: Buffer): {
  operators: Set<string>;
  names: string[];
  operatorSet: number;
  weights: Map<number, number>;
} {
  const [graph] = inside(bytes, 7) as [Buffer];
  const [operatorSet] = inside(bytes, 8) as [Buffer];
  const weights = new Map<number, number>();
  for (const tensor of inside(graph, 5)) {
    const type = [...fields(tensor)].find(({ number }) => number === 2)?.value as number;
    weights.set(type, (weights.get(type) ?? 0) + (inside(tensor, 9)[0]?.length ?? 0));
  }
  return {
    operators: new Set(inside(graph, 1).map((node) => inside(node, 4).toString())),
    names: inside(graph, 1).map((node) => inside(node, 3).toString()),
    operatorSet: [...fields(operatorSet)].find(({ number }) => number === 2)?.value as number,
    /** Bytes of constants by TensorProto.DataType: 1 float, 3 int8, 7 int64, 10 float16. */
    weights,
  };
}
