import { readFileSync } from "node:fs";
import { readSafetensors, setThreads, type Tensor } from "pioneer-torch";
import { fixture } from "../support/fixture.ts";

setThreads(1);

/** Written by PyTorch; README.md there says what is what. */
export const checkpointFile = (name: string): string => fixture(`checkpoints/${name}`);

/** Tensors of a fixture that must be there. */
export function tensorsOf(path: string): (name: string) => Tensor {
  const { tensors } = readSafetensors(path);
  return (name) => {
    const found = tensors.get(name);
    if (!found) throw new Error(`${path} has no ${name}`);
    return found;
  };
}

export interface Sums {
  readonly shape: readonly number[];
  readonly sum: number;
  readonly sum_of_squares: number;
  readonly first: number;
  readonly last: number;
}

/** expected.json, as far as it is used. */
export interface Expected {
  readonly parameters: Record<string, Record<string, Sums>>;
  readonly spectral_norms: Record<string, { largest_singular_value: number }>;
}

export const readExpected = <T>(name: string): T => JSON.parse(readFileSync(checkpointFile(name), "utf8")) as T;

/** The largest difference of two tensors' elements. */
export const distance = (a: Tensor, b: Tensor): number => a.detach().sub(b).abs().max().item();
