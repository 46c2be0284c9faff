// Images of a model: planes [3, side, side] of numbers in [-1, 1].

/** Mean |difference| of two images, in [-1, 1]: 0 for the same, 2 for black and white. */
export function meanDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`images of ${a.length} and ${b.length} values cannot be compared`);
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] as number)), 0) / a.length;
}

/** Image `index` of several, a view. */
export function planesOf(images: Float32Array, side: number, index: number): Float32Array {
  const size = 3 * side * side;
  return images.subarray(index * size, (index + 1) * size);
}

/**
 * Smaller copies of images: means of equal squares of pixels.
 * @param images [count, 3, side, side]
 * @param small  side of the copies, which divides the other
 * @returns count times [3, small, small]
 */
export function reduced(images: Float32Array, side: number, small: number): Float32Array[] {
  const step = side / small;
  const share = 1 / step ** 2;
  return Array.from({ length: images.length / (3 * side * side) }, (_, index) => {
    const image = planesOf(images, side, index);
    const copy = new Float32Array(3 * small * small);
    for (let i = 0; i < image.length; i++) {
      const [column, line] = [i % side, Math.floor(i / side)];
      const to = Math.floor(line / step) * small + Math.floor(column / step);
      copy[to] = (copy[to] as number) + share * (image[i] as number);
    }
    return copy;
  });
}

/** RGBA bytes [count, side, side, 4], as the server sends them, as planes [count, 3, side, side]. */
export function planesOfRgba(bytes: Uint8Array, side: number): Float32Array {
  const area = side * side;
  const count = bytes.length / (4 * area);
  if (!Number.isInteger(count)) throw new RangeError(`${bytes.length} bytes are no images of ${side} x ${side} pixels`);
  const planes = new Float32Array(count * 3 * area);
  for (let image = 0; image < count; image++) {
    for (let i = 0; i < area; i++) {
      for (let channel = 0; channel < 3; channel++) {
        const value = bytes[4 * (image * area + i) + channel] as number;
        planes[(3 * image + channel) * area + i] = value / 127.5 - 1;
      }
    }
  }
  return planes;
}
