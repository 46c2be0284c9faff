import type { Encoding } from "./resize.ts";

/** The format of an image file, by its first bytes. */
export function encodingOf(file: Uint8Array): Encoding {
  if (file[0] === 0xff && file[1] === 0xd8) return "jpeg";
  const text = String.fromCharCode(...file.subarray(0, 12));
  return text.startsWith("RIFF") && text.endsWith("WEBP") ? "webp" : "other";
}
