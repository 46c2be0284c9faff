/**
 * A small seeded generator that gives the same numbers in Node and in every browser: xoshiro128** (Blackman and
 * Vigna, 2018), its state filled by splitmix32. Integers and uniform numbers are exact everywhere; `normal` uses
 * Math.log, sqrt and cos, which engines may round differently in the last bits of a double.
 */
export class Rng {
  readonly #state: Uint32Array;

  /** @param seed a safe integer, negative ones included; different seeds give unrelated sequences */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed)) throw new RangeError(`seed: expected a whole number within ±2^53, got ${seed}`);
    // Two words from each half of the seed, so that no two seeds share a state; then some steps to spread both halves.
    const low = splitmix32(seed >>> 0);
    const high = splitmix32((Math.floor(seed / 2 ** 32) ^ 0x5bd1e995) >>> 0);
    this.#state = Uint32Array.of(low(), high(), low(), high());
    for (let i = 0; i < 16; i++) this.uint32();
  }

  /** Uniform integer in [0, 2^32). */
  uint32(): number {
    return xoshiro128(this.#state);
  }

  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** Uniform integer in [0, bound), 1 ≤ bound ≤ 2^32. */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** Standard normal, by Box and Muller; the second number of the pair is not kept, so that four words are the whole state. */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}

/**
 * The next number of xoshiro128**, a uniform integer in [0, 2^32).
 * @param state four words, not all 0, which it moves on
 */
export function xoshiro128(state: Uint32Array): number {
  const s = state as Uint32Array & { 0: number; 1: number; 2: number; 3: number };
  const result = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
  const t = s[1] << 9;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotateLeft(s[3], 11);
  return result;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** Steele, Lea and Flood's splitmix with 32-bit constants: spreads a seed, 0 too, over all bits. */
function splitmix32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = state ^ (state >>> 16);
    word = Math.imul(word, 0x21f0aaad);
    word ^= word >>> 15;
    word = Math.imul(word, 0x735a2d97);
    return (word ^ (word >>> 15)) >>> 0;
  };
}
