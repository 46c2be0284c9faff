import { basename, extname } from "node:path";

/** Bytes of a name that file systems take, less what stands before and after it. */
const mostBytes = 180;

/** A file for a photo, without its ending: numbered, as photos of two folders may have one name, and no longer than a name may be. */
export function numberedName(index: number, photo: string): string {
  const stem = Buffer.from(basename(photo, extname(photo))).subarray(0, mostBytes);
  // In a stream, a character that was cut through waits for its rest.
  const whole = new TextDecoder().decode(stem, { stream: true });
  return `${String(index + 1).padStart(4, "0")}-${whole}`;
}
