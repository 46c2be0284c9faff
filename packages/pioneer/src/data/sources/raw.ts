import type { FileHandle } from "node:fs/promises";
import { DataError } from "../../base/errors.ts";

// For sources whose files hold pixels or many images at known places.

/** @throws DataError, without the file's name, where the file ends before */
export async function readExactly(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new DataError("goes beyond the end of the file");
    done += bytesRead;
  }
  return bytes;
}

/** Planes of red, green and blue, one after the other, as HWC pixels. */
export function toInterleaved(planes: Uint8Array): Uint8Array {
  const size = planes.length / 3;
  const pixels = new Uint8Array(planes.length);
  for (let i = 0, j = 0; i < size; i++) {
    pixels[j++] = planes[i] as number;
    pixels[j++] = planes[size + i] as number;
    pixels[j++] = planes[2 * size + i] as number;
  }
  return pixels;
}
