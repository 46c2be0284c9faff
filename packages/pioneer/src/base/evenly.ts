/** At most `count` places of a list, evenly spaced from the first on. */
export function evenIndices(length: number, count: number): number[] {
  const chosen = Math.min(count, length);
  return Array.from({ length: chosen }, (_, i) => Math.floor((i * length) / chosen));
}

/** At most `count` of a list, evenly spaced. */
export const evenly = (list: Uint32Array, count: number): Uint32Array =>
  Uint32Array.from(evenIndices(list.length, count), (index) => list[index] as number);
