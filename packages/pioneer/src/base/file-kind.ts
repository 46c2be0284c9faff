import { onDisk } from "./disk.ts";
import { lfsPointer, openFileLater } from "./read.ts";
import { shellWord } from "./shell-word.ts";

/** A kind of file that people have beside ours. */
export interface FileKind {
  readonly kind: string;
  /** What to do with it where photos are wanted, for kinds that are not read; `FILE` stands for the file. */
  readonly mend?: string;
}

interface Known extends FileKind {
  /** What such a file begins with, at byte `at` or 0. */
  readonly magic: string | RegExp;
  readonly at?: number;
}

const unpack = (command: string): string => `unpack it with \`${command}\` and give the folder`;
const convert = (command: string): string => `convert it, for instance with \`${command}\``;
const heic = { kind: "a HEIC picture", mend: convert("heif-convert FILE photo.jpg") };

const kinds: readonly Known[] = [
  { magic: "PK\x03\x04", kind: "a zip archive" },
  { magic: "PK\x05\x06", kind: "a zip archive" },
  { magic: "\x1f\x8b", kind: "a gzip file" },
  { magic: "ustar", at: 257, kind: "a tar archive" },
  { magic: "7z\xbc\xaf\x27\x1c", kind: "a 7z archive", mend: unpack("7z x FILE") },
  { magic: "Rar!\x1a\x07", kind: "a rar archive", mend: unpack("7z x FILE") },
  { magic: "BZh", kind: "a file packed with bzip2", mend: unpack("tar xjf FILE") },
  { magic: "\xfd7zXZ\x00", kind: "a file packed with xz", mend: unpack("tar xJf FILE") },
  { magic: "\x28\xb5\x2f\xfd", kind: "a file packed with zstd", mend: unpack("tar --zstd -xf FILE") },
  { magic: "\x89PNG\r\n\x1a\n", kind: "a PNG picture" },
  { magic: "\xff\xd8\xff", kind: "a JPEG picture" },
  { magic: "GIF8", kind: "a GIF picture" },
  { magic: "WEBP", at: 8, kind: "a WebP picture" },
  { magic: /^ftypavi[fs]/, at: 4, kind: "an AVIF picture" },
  { magic: /^ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)/, at: 4, ...heic },
  { magic: "ftyp", at: 4, kind: "a video or picture" },
  { magic: /^P[1-7]\s/, kind: "a PNM picture (pgm, ppm)", mend: convert("convert FILE photo.png") },
  { magic: /^BM.{4}\0{4}/s, kind: "a BMP picture", mend: convert("convert FILE photo.png") },
  { magic: "8BPS", kind: "a Photoshop picture", mend: convert("convert 'FILE[0]' photo.png") },
  { magic: "\xff\x0a", kind: "a JPEG XL picture", mend: convert("djxl FILE photo.png") },
  { magic: "\0\0\0\x0cJXL ", kind: "a JPEG XL picture", mend: convert("djxl FILE photo.png") },
  { magic: "%PDF-", kind: "a PDF" },
  { magic: "\x89HDF\r\n\x1a\n", kind: "an HDF5 file" },
  lfsPointer,
  { magic: /^\s*<(?:!doctype html|html)/i, kind: "a web page", mend: "download the file itself" },
];

/** The first bytes of a file, at most `count`; fewer of a shorter one. @throws DataError in one line */
export async function startOfFile(path: string, count: number): Promise<Buffer> {
  return await onDisk(path, async () => {
    const file = (await openFileLater(path)).file;
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  });
}

/** What begins so; undefined where that says nothing. @param start 300 bytes or more, or all of a shorter file */
export function kindOfStart(start: Buffer): FileKind | undefined {
  const text = start.toString("latin1", 0, 512);
  return kinds.find(({ magic, at = 0 }) =>
    typeof magic === "string" ? text.startsWith(magic, at) : magic.test(text.slice(at)),
  );
}

/**
 * Says that something is of a kind that is not read, and what to do: "is a HEIC picture, which is not read: convert it ...".
 * @param name of the file, for a command
 * @returns undefined for other kinds
 */
export function refusalOfKind(start: Buffer, name: string): string | undefined {
  const found = kindOfStart(start);
  if (found?.mend === undefined) return undefined;
  return `is ${found.kind}, which is not read: ${found.mend.replace("FILE", shellWord(name))}`;
}

/** What a file is, for messages, by its first bytes: "a zip archive"; "another file" where they say nothing. */
export async function kindOfFile(path: string): Promise<string> {
  return kindOfStart(await startOfFile(path, 512))?.kind ?? "another file";
}
