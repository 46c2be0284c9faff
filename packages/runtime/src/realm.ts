// What a value is, whichever realm it comes from: `instanceof` is false for what an iframe, a vm context (jest) or another
// window made.

/** Such as "Float32Array", "Blob" or "HTMLImageElement". */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** An array of this realm with its numbers; undefined if it is no Float32Array. */
export function float32Of(value: unknown): Float32Array | undefined {
  if (value instanceof Float32Array) return value;
  return kindOf(value) === "Float32Array" ? new Float32Array(value as Float32Array) : undefined;
}

/**
 * Bytes as an array of this realm: of a Uint8Array (a Buffer is one), Uint8ClampedArray, DataView, ArrayBuffer or
 * SharedArrayBuffer. Those that other threads may write are copied: decoders and hashes refuse them.
 * @returns undefined if it is none of them
 */
export function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  const kind = kindOf(value);
  if (kind === "ArrayBuffer") return new Uint8Array(value as ArrayBuffer);
  if (kind === "SharedArrayBuffer") return new Uint8Array(new Uint8Array(value as SharedArrayBuffer));
  if (kind !== "Uint8Array" && kind !== "Uint8ClampedArray" && kind !== "DataView") return undefined;
  const { buffer, byteOffset, byteLength } = value as ArrayBufferView;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return kindOf(buffer) === "SharedArrayBuffer" ? new Uint8Array(bytes) : (bytes as Uint8Array<ArrayBuffer>);
}

export const isBlob = (value: unknown): value is Blob => ["Blob", "File"].includes(kindOf(value));
