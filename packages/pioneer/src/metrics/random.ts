import { createHash } from "node:crypto";
import { Rng } from "pioneer-runtime/internal";

/**
 * Random numbers of one purpose. They depend on the seed and the purpose only, so that a metric's value does not depend on
 * which others were asked for; latents of samples are those of `pioneer sample` with the same seed.
 */
export function metricRandom(seed: number, purpose: string): Rng {
  const digest = createHash("sha256").update(`${seed} ${purpose}`).digest();
  return new Rng(digest.readUIntBE(0, 6));
}

/** `count` different numbers from 0 to n - 1, in random order. */
export function choose(count: number, n: number, random: Rng): Int32Array {
  const all = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const other = i + random.integer(n - i);
    [all[i], all[other]] = [all[other] as number, all[i] as number];
  }
  return all.slice(0, count);
}
