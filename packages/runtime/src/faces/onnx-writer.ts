// ONNX files, as far as the networks that find faces need them: their weights come in another format, and ONNX Runtime
// is what computes here. Field numbers are those of onnx.proto3 (IR version 8, operator set 13).

import { joined } from "../joined.ts";

const irVersion = 8;
const operatorSet = 13;
const float = 1;

/** Of a network's node: whole numbers, lists of them, a fraction or a word. */
export type Attributes = Readonly<Record<string, number | readonly number[] | string | { readonly float: number }>>;

/** Writes a network of one input, "x", and one output, "y", both float32 [1, channels, height, width] of any size. */
export class OnnxWriter {
  readonly #nodes: Uint8Array[] = [];
  readonly #tensors: Uint8Array[] = [];
  #names = 0;

  /** @returns the name of its output */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const output = `n${this.#names++}`;
    const told = Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value)));
    this.#nodes.push(
      bytes(1, [...inputs.map((name) => text(1, name)), text(2, output), text(3, output), text(4, operator), ...told]),
    );
    return output;
  }

  /** @returns its name */
  tensor(shape: readonly number[], values: Float32Array): string {
    const name = `t${this.#names++}`;
    const raw = new Uint8Array(4 * values.length);
    const view = new DataView(raw.buffer);
    for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
    this.#tensors.push(
      bytes(5, [...shape.map((length) => whole(1, length)), whole(2, float), text(8, name), bytes(9, [raw])]),
    );
    return name;
  }

  /** @param output of a node: the network's */
  finish(output: string): Uint8Array {
    this.#nodes.push(bytes(1, [text(1, output), text(2, "y"), text(4, "Identity")]));
    const graph = [...this.#nodes, text(2, "faces"), ...this.#tensors, port(11, "x"), port(12, "y")];
    return joined(Uint8Array, [whole(1, irVersion), bytes(7, graph), bytes(8, [text(1, ""), whole(2, operatorSet)])]);
  }
}

function attribute(name: string, value: Attributes[string]): Uint8Array[] {
  if (typeof value === "number") return [text(1, name), whole(3, value), whole(20, 2)];
  if (typeof value === "string") return [text(1, name), text(4, value), whole(20, 3)];
  if ("float" in value) {
    const four = new Uint8Array(4);
    new DataView(four.buffer).setFloat32(0, value.float, true);
    return [text(1, name), joined(Uint8Array, [tag(2, 5), four]), whole(20, 1)];
  }
  return [text(1, name), ...value.map((each) => whole(8, each)), whole(20, 7)];
}

function port(field: number, name: string): Uint8Array {
  const lengths = ["n", `${name}c`, `${name}h`, `${name}w`].map((length) => bytes(1, [text(2, length)]));
  return bytes(field, [text(1, name), bytes(2, [bytes(1, [whole(1, float), bytes(2, lengths)])])]);
}

const tag = (field: number, type: number) => varint(8 * field + type);
const whole = (field: number, value: number) => joined(Uint8Array, [tag(field, 0), varint(value)]);
const text = (field: number, value: string) => bytes(field, [new TextEncoder().encode(value)]);

function bytes(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const content = joined(Uint8Array, parts);
  return joined(Uint8Array, [tag(field, 2), varint(content.length), content]);
}

function varint(value: number): Uint8Array {
  const all: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) all.push((rest & 127) | 128);
  return Uint8Array.from([...all, rest]);
}
