/**
 * A uniform number in [0, 1) that depends on its three counters alone, so that image i needs none of the images before
 * it. Chained 32-bit finalisers (the constants of Chris Wellons' "lowbias32").
 * @param seed    any safe integer
 * @param index   image, 0 on
 * @param counter which of the image's numbers, 0 on
 */
export function hashUniform(seed: number, index: number, counter: number): number {
  let word = mix(seed | 0);
  word = mix(word ^ (Math.floor(seed / 2 ** 32) | 0));
  word = mix(word + index);
  word = mix(word + Math.imul(counter + 1, 0x9e3779b9));
  return (word >>> 0) / 2 ** 32;
}

function mix(value: number): number {
  let word = (value + 0x6a09e667) | 0;
  word ^= word >>> 16;
  word = Math.imul(word, 0x21f0aaad);
  word ^= word >>> 15;
  word = Math.imul(word, 0xd35a2d97);
  return word ^ (word >>> 15);
}
