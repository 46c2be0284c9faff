// Text in PNG files: one iTXt chunk (PNG, third edition, 11.3.3.4), which programs that do not know it leave alone.

const signature = [137, 80, 78, 71, 13, 10, 26, 10];
/** Length, type and checksum of a chunk. */
const framing = 12;
/** The first chunk, IHDR, is always this long. */
const headerEnd = signature.length + framing + 13;

/**
 * A PNG file with a text in it.
 * @param keyword 1 to 79 letters of Latin 1
 */
export function withText(png: Uint8Array, keyword: string, text: string): Uint8Array<ArrayBuffer> {
  if (!isPng(png)) throw new RangeError("this is no PNG file");
  // Keyword, 0; not compressed; no language and no translated keyword, each ended by 0; the text.
  const data = new TextEncoder().encode(`${keyword}\0\0\0\0\0${text}`);
  const chunk = new Uint8Array(data.length + framing);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, data.length);
  chunk.set(new TextEncoder().encode("iTXt"), 4);
  chunk.set(data, 8);
  view.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
  const file = new Uint8Array(png.length + chunk.length);
  file.set(png.subarray(0, headerEnd));
  file.set(chunk, headerEnd);
  file.set(png.subarray(headerEnd), headerEnd + chunk.length);
  return file;
}

/** The text of a keyword; undefined where there is none, or the file is no PNG or is damaged. */
export function readText(file: Uint8Array, keyword: string): string | undefined {
  if (!isPng(file)) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = new TextEncoder().encode(`${keyword}\0\0\0\0\0`);
  for (let at = signature.length; at + framing <= file.length; ) {
    const length = view.getUint32(at);
    if (at + framing + length > file.length) return undefined;
    const type = String.fromCharCode(...file.subarray(at + 4, at + 8));
    const data = file.subarray(at + 8, at + 8 + length);
    if (type === "iTXt" && start.every((byte, i) => data[i] === byte)) {
      const whole = view.getUint32(at + 8 + length) === crc32(file.subarray(at + 4, at + 8 + length));
      return whole ? new TextDecoder().decode(data.subarray(start.length)) : undefined;
    }
    at += framing + length;
  }
  return undefined;
}

const isPng = (file: Uint8Array) => signature.every((byte, i) => file[i] === byte);

/** The checksum of PNG and zip, bit by bit from a table. */
function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 255] as number);
  return ~crc >>> 0;
}

const table = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
