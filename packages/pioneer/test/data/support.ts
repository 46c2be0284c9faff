import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import * as tar from "tar-stream";
import type { Source, SourceEntry } from "../../src/data/sources/source.ts";
import { fixture } from "../support/fixture.ts";

/** Nested class folders with every kind of image, and README.json that says what is in them. */
export const imageFolder = fixture("imagefolder");

/** A PNG of one colour, or of the pixels that `at` gives. */
export async function png(
  width: number,
  height: number,
  at: readonly [number, number, number] | ((x: number, y: number) => readonly [number, number, number]),
): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    pixels.set(typeof at === "function" ? at(i % width, Math.floor(i / width)) : at, 3 * i);
  }
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** All images of a source. */
export function entriesOf(source: Source): SourceEntry[] {
  return Array.from({ length: source.count }, (_, i) => source.entry(i));
}

export type Files = Readonly<Record<string, Buffer | string>>;
/** For archives, in which a name may come twice. */
export type FileList = readonly (readonly [name: string, content: Buffer | string])[];

/** Writes files, and the folders they need. @returns the folder */
export function writeFiles(folder: string, files: Files): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/**
 * A folder of ten photos of one colour each, with labels: ages, of which the first is missing, and moods, of which the last
 * is; and a file that is no image. @returns the folder
 */
export async function labelledPhotos(folder: string): Promise<string> {
  const files: Record<string, Buffer | string> = { "broken.png": "x" };
  let csv = "file,age,mood\n";
  for (let i = 0; i < 10; i++) {
    files[`${i}.png`] = await png(12, 12, [10 * i, 10 * i, 10 * i]);
    csv += `${i}.png,${i === 0 ? "" : i},${i < 7 ? "calm" : i < 9 ? "wild" : ""}\n`;
  }
  return writeFiles(folder, { ...files, "labels.csv": csv });
}

/** Writes a tar, or a tar.gz where the name says so, of files in their order. @returns its path */
export async function writeTar(path: string, files: Files | FileList): Promise<string> {
  const pack = tar.pack();
  for (const [name, content] of listOf(files)) pack.entry({ name }, content);
  pack.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of pack) pieces.push(piece as Buffer);
  const bytes = Buffer.concat(pieces);
  writeFileSync(path, path.endsWith("gz") ? gzipSync(bytes) : bytes);
  return path;
}

/** What a zip says of a file, after its signature, and in its directory after that. */
export interface ZipFields {
  readonly name: string;
  readonly fields: Buffer;
  readonly rest: Buffer;
}

/** Writes a zip whose files are stored, not compressed. @param edit changes what it says of them @returns its path */
export function writeZip(path: string, files: Files | FileList, edit: (of: ZipFields) => void = () => {}): string {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of listOf(files)) {
    const file = Buffer.from(name);
    const data = Buffer.from(content);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0); // version
    fields.writeUInt16LE(0x0800, 2); // names in UTF-8
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(file.length, 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    edit({ name, fields, rest });
    locals.push(Buffer.from("PK\x03\x04"), fields, file, data);
    central.push(Buffer.from("PK\x01\x02"), Buffer.from([20, 0]), fields, rest, file);
    offset += 30 + file.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(locals.length / 4, 8);
  end.writeUInt16LE(locals.length / 4, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  writeFileSync(path, Buffer.concat([...locals, directory, end]));
  return path;
}

/** A value `count` times. */
export function repeat<T>(value: T, count: number): T[] {
  return Array.from({ length: count }, () => value);
}

/** The files below a folder, by path. */
export function readFiles(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(names.sort().map((name) => [name.slice(folder.length + 1), readFileSync(name)]));
}

function listOf(files: Files | FileList): FileList {
  return Array.isArray(files) ? (files as FileList) : Object.entries(files as Files);
}

function crc32(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
