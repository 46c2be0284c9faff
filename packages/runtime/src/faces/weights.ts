import { array, int, number, object, optional, parse, string, tuple } from "zod/mini";
import { ModelError } from "../errors.ts";

// Weights as @vladmandic/face-api has them (the format of TensorFlow.js): bytes one after the other, and a list of what
// they are.

const listed = tuple([
  object({
    weights: array(
      object({
        name: string(),
        shape: array(int()),
        quantization: optional(object({ scale: number(), min: number() })),
      }),
    ),
  }),
]);

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Names of the two files of a network. */
export const weightFiles = (network: string) => ({ list: `${network}-weights_manifest.json`, bytes: `${network}.bin` });

/**
 * @param list  the file of that name
 * @param bytes one for each number, of which scale times it plus min is meant
 * @returns a function that finds a tensor by its name
 * @throws ModelError DAMAGED, as does the function
 */
export function readWeights(network: string, list: Uint8Array, bytes: Uint8Array): (name: string) => Tensor {
  const damaged = (what: string, cause?: unknown) =>
    new ModelError("DAMAGED", `${weightFiles(network).bytes} ${what}: install @vladmandic/face-api again`, { cause });
  const tensors = new Map<string, Tensor>();
  let at = 0;
  for (const { name, shape, quantization } of parseList()) {
    if (!quantization) throw damaged(`has ${name} in another format`);
    const { scale, min } = quantization;
    const part = bytes.subarray(at, at + product(shape));
    tensors.set(name, { shape, values: Float32Array.from(part, (byte) => scale * byte + min) });
    at += part.length;
  }
  if (at !== bytes.length || [...tensors.values()].some(({ shape, values }) => values.length !== product(shape))) {
    throw damaged(`has ${bytes.length} bytes, not what its list says`);
  }
  return (name) => {
    const tensor = tensors.get(name);
    if (!tensor) throw damaged(`has no ${name}`);
    return tensor;
  };

  function parseList() {
    try {
      return parse(listed, JSON.parse(new TextDecoder().decode(list)))[0].weights;
    } catch (error) {
      throw damaged("has a list that cannot be read", error);
    }
  }
}

const product = (shape: readonly number[]) => shape.reduce((all, length) => all * length, 1);
