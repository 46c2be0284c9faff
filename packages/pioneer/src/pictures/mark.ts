// What tells pictures of this program from the user's: a text in the file.
import { stat } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { DataError } from "../base/errors.ts";
import { kindOfFile, startOfFile } from "../base/file-kind.ts";

/** What GIF and MP4 files hold as a comment, and PNG files as their "Software". */
export const mark = "pioneer (image autoencoder)";

const pngSignature = "\x89PNG\r\n\x1a\n";
/** Signature, then IHDR: length, name, 13 bytes, check sum. */
const afterHeader = 8 + 25;
const pngChunk = chunkOf("tEXt", Buffer.from(`Software\0${mark}`, "latin1"));
const gifComment = Buffer.concat([
  Buffer.from([0x21, 0xfe, mark.length]),
  Buffer.from(mark, "latin1"),
  Buffer.from([0]),
]);
const gifTrailer = Buffer.from([0x3b]);

/** Length, name, contents, and the check sum of the two last (PNG specification, section 5.3). */
function chunkOf(name: string, contents: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), contents]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(contents.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG file with our mark as its second chunk. */
export const markPng = (png: Buffer): Buffer =>
  Buffer.concat([png.subarray(0, afterHeader), pngChunk, png.subarray(afterHeader)]);

/** A GIF file with our mark at its end. */
export const markGif = (gif: Uint8Array): Buffer => Buffer.concat([gif.subarray(0, -1), gifComment, gifTrailer]);

/** Whether a picture that is held in memory is one of ours: a PNG or GIF with our mark. */
export function isMarked(picture: Buffer): boolean {
  const isPng = picture.toString("latin1", 0, 8) === pngSignature;
  if (isPng) return picture.subarray(afterHeader, afterHeader + pngChunk.length).equals(pngChunk);
  const end = picture.length - gifTrailer.length;
  return isGif(picture) && picture.subarray(end - gifComment.length, end).equals(gifComment);
}

const isGif = (picture: Buffer): boolean => picture.toString("latin1", 0, 4) === "GIF8";

/** Enough of a video: its index is in front, and the mark in it. */
const mostOfVideo = 16 * 2 ** 20;

/** Whether a file is a picture with our mark; no more of it is read than may hold one. */
async function isOurs(path: string, size: number): Promise<boolean> {
  const start = await startOfFile(path, afterHeader + pngChunk.length);
  if (start.toString("latin1", 4, 8) === "ftyp") {
    return (await startOfFile(path, Math.min(size, mostOfVideo))).includes(mark);
  }
  return isMarked(start) || (isGif(start) && isMarked(await startOfFile(path, size)));
}

/**
 * Refuses to write a picture where a file is that is no picture of this program, which `rename` would replace.
 * @throws DataError
 */
export async function checkPicturePlace(path: string): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined || info.size === 0) return;
  if (!info.isFile()) throw new DataError(`${path}: this is no file; give another name`);
  if (await isOurs(path, info.size)) return;
  throw new DataError(
    `${path} is ${await kindOfFile(path)} that this program did not write, and stays: give another folder or name, or move it away`,
  );
}
