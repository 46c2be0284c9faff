// Everything random in a run is a function of its seed and of a count, never of what was drawn before: resuming needs no
// generator states, and every rank of a larger run can draw the same numbers.

import { RandomGenerator, randn, scope, type Tensor } from "pioneer-torch";
import { normalise } from "../networks/index.ts";

const purposes = { weights: 1, order: 2, mirror: 3, latents: 4, pool: 5, blend: 6, augment: 7 } as const;

export type Purpose = keyof typeof purposes;

/** The generator of one purpose at one count (a step, an epoch). */
export function stream(seed: number, purpose: Purpose, count = 0): RandomGenerator {
  const mixed = mix(mix(mix(BigInt(seed)) + BigInt(purposes[purpose])) + BigInt(count));
  return new RandomGenerator(Number(mixed >> 11n));
}

/** SplitMix64 (Steele, Lea & Flood 2014): neighbouring inputs give unrelated outputs. */
function mix(value: bigint): bigint {
  let z = BigInt.asUintN(64, value + 0x9e3779b97f4a7c15n);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** Points uniform on the sphere. @returns [count, latent], float32, on the CPU */
export const drawLatents = (count: number, latent: number, random: RandomGenerator): Tensor =>
  scope(() => normalise(randn([count, latent], random)));
