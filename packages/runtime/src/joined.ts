/** Arrays one after the other. @param Kind of the whole */
export function joined<A extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(
  Kind: new (length: number) => A,
  parts: readonly ArrayLike<number>[],
): A {
  const whole = new Kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
