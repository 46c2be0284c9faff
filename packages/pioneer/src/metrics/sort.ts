const radixBits = 11;
const buckets = 2 ** radixBits;
const mask = buckets - 1;

/**
 * Sorts float32 numbers in place, ascending: three passes over their bits, several times as fast as comparing millions of
 * them. Negative zeros come before zeros; NaN is not expected.
 */
export function sortFloats(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  // As whole numbers floats are in order once negative ones are turned over.
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    bits[i] = word >>> 31 === 1 ? ~word : word | 0x80000000;
  }
  const other = new Uint32Array(bits.length);
  pass(bits, other, 0);
  pass(other, bits, radixBits);
  pass(bits, other, 2 * radixBits);
  for (let i = 0; i < other.length; i++) {
    const word = other[i] as number;
    bits[i] = word >>> 31 === 1 ? word & 0x7fffffff : ~word;
  }
  return values;
}

/** Moves numbers into the order of 11 of their bits; equal ones stay in theirs. */
function pass(from: Uint32Array, to: Uint32Array, shift: number): void {
  const next = new Uint32Array(buckets);
  for (let i = 0; i < from.length; i++) {
    const bucket = ((from[i] as number) >>> shift) & mask;
    next[bucket] = (next[bucket] as number) + 1;
  }
  let start = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const count = next[bucket] as number;
    next[bucket] = start;
    start += count;
  }
  for (let i = 0; i < from.length; i++) {
    const word = from[i] as number;
    const bucket = (word >>> shift) & mask;
    const place = next[bucket] as number;
    to[place] = word;
    next[bucket] = place + 1;
  }
}
