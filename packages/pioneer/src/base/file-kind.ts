import { open } from "node:fs/promises";
import { onDisk } from "./disk.ts";

/** What files begin with that people have beside ours: at byte 0 unless it says otherwise. */
const kinds: readonly { readonly magic: string; readonly at?: number; readonly kind: string }[] = [
  { magic: "PK\x03\x04", kind: "a zip archive" },
  { magic: "PK\x05\x06", kind: "a zip archive" },
  { magic: "\x1f\x8b", kind: "a gzip file" },
  { magic: "ustar", at: 257, kind: "a tar archive" },
  { magic: "\x89PNG\r\n\x1a\n", kind: "a PNG picture" },
  { magic: "\xff\xd8\xff", kind: "a JPEG picture" },
  { magic: "GIF8", kind: "a GIF picture" },
  { magic: "WEBP", at: 8, kind: "a WebP picture" },
  { magic: "ftyp", at: 4, kind: "a video or picture" },
  { magic: "\x89HDF\r\n\x1a\n", kind: "an HDF5 file" },
];

/** The first bytes of a file, at most `count`; fewer of a shorter one. @throws DataError in one line */
export async function startOfFile(path: string, count: number): Promise<Buffer> {
  return await onDisk(path, async () => {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  });
}

/** What a file is, for messages, by its first bytes: "a zip archive"; "another file" where they say nothing. */
export async function kindOfFile(path: string): Promise<string> {
  const start = (await startOfFile(path, 512)).toString("latin1");
  return kinds.find(({ magic, at = 0 }) => start.startsWith(magic, at))?.kind ?? "another file";
}
