/** Planes of one 4x4 image: every pixel grey but the ones named. */
export function planes(fill: readonly number[], marks: Record<string, readonly number[]> = {}): Float32Array {
  const image = new Float32Array(48);
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 4; x++) {
      for (let c = 0; c < 3; c++) image[c * 16 + y * 4 + x] = (marks[`${x},${y}`] ?? fill)[c] ?? Number.NaN;
    }
  }
  return image;
}
