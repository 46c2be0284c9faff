import { createHash } from "node:crypto";
import type { Crop } from "pioneer-runtime";
import { DataError } from "../../base/errors.ts";
import { mostPhotoBytes } from "../../base/read.ts";
import type { SkippedFile } from "../pack/format.ts";
import type { RawImage } from "../pixels/decode.ts";
import { isLabelsName } from "./label-files.ts";
import type { LeftOut } from "./left-out.ts";

/** An image of a source, known before it is read. */
export interface SourceEntry {
  /** Path inside the source, with forward slashes. */
  readonly name: string;
  /** "train", "test", ... where the source says so. */
  readonly split?: string;
  /** Values by label name, "" for none. Columns of a CSV arrive as text and become numbers if all of a column are. */
  readonly labels: Readonly<Record<string, string | number>>;
}

/** One image's content; `read` may be called once, at any time before the source is closed, several at once. */
export interface SourceContent {
  /** The image's number in its source. */
  readonly index: number;
  /** Of the encoded file, where that is known before it is read. */
  readonly bytes?: number;
  /** @returns the encoded file, or pixels where the source holds or draws them */
  read(): Promise<Buffer | RawImage>;
}

/** Which images, ascending. */
export type Indices = ArrayLike<number> & Iterable<number>;

/** Images from anywhere. Every kind of source is one file of this folder, and an entry in open.ts. */
export interface Source {
  /** Of kinds.ts; "procedural" where it is drawn. */
  readonly kind: string;
  /** Its own name, without the folders that lead to it. */
  readonly name: string;
  /** The crop that goes with this data set; "center" where it says none. */
  readonly crop?: Crop;
  /** What its images' names may begin with in a CSV: its own name, an archive's top folder; with slashes. */
  readonly prefixes?: readonly string[];
  /** How many images. */
  readonly count: number;
  /**
   * Image `index`, from 0, in a stable order. Made whenever it is asked for: there may be millions, and a source holds
   * little of each.
   */
  readonly entry: (index: number) => SourceEntry;
  /** Changes when the list of files, their sizes, times or labels change. */
  readonly digest: string;
  /** Whether it can only be read from front to back, so that a look at some images costs as much as all. */
  readonly isStream?: boolean;
  /** Files that cannot be among its images, and why: no permission to look at them. */
  readonly skipped?: readonly SkippedFile[];
  /** Remarks for the user: ignored files, rows of labels without an image. */
  readonly notes: readonly string[];
  /** Contents of some entries, `indices` ascending; memory stays bounded if at most a few are unread at a time. */
  contents(indices: Indices): AsyncIterable<SourceContent>;
  close(): Promise<void>;
}

const readable = new Set("jpg jpeg jpe jfif png webp avif tif tiff gif".split(" "));
const unreadable = new Set("heic heif bmp pgm ppm pbm pnm jxl jp2 dng cr2 nef arw psd ico tga".split(" "));
const splitFolders: ReadonlyMap<string, string> = new Map([
  ["train", "train"],
  ["training", "train"],
  ["test", "test"],
  ["testing", "test"],
  ["val", "val"],
  ["valid", "val"],
  ["validation", "val"],
]);

export type FileUse = "image" | "unsupported" | "labels" | "other" | "hidden";

/** What a file is to us, by its name: hidden files and those of macOS archives are passed over in silence. */
export function classify(name: string): FileUse {
  const parts = name.split("/");
  if (parts.some((part) => part.startsWith(".") || part === "__MACOSX")) return "hidden";
  const file = parts.at(-1) ?? "";
  if (isLabelsName(name)) return "labels";
  const extension = extensionOf(file);
  if (readable.has(extension)) return "image";
  return unreadable.has(extension) ? "unsupported" : "other";
}

/** "3 files are not images (.txt 2, .pdf 1)", "1 ... needs converting"; empty where there is nothing to say. @param left not counted */
export function noteIgnored(names: Iterable<string>, left?: LeftOut): string[] {
  const counts = { other: new Map<string, number>(), unsupported: new Map<string, number>() };
  for (const name of names) {
    const use = left?.has(name) === true ? "hidden" : classify(name);
    if (use !== "other" && use !== "unsupported") continue;
    const extension = extensionOf(name.split("/").at(-1) ?? "");
    counts[use].set(extension, (counts[use].get(extension) ?? 0) + 1);
  }
  return [
    countsInWords(
      counts.other,
      counts.other.has("csv") ? "not images; labels in a CSV are given with --labels" : "not images",
    ),
    countsInWords(
      counts.unsupported,
      "images of kinds that are not read; convert them to png or jpg, for instance with `mogrify -format png`",
    ),
  ].filter((note) => note !== "");
}

function countsInWords(counts: ReadonlyMap<string, number>, what: string): string {
  if (counts.size === 0) return "";
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const list = [...counts].map(
    ([extension, count]) => `${extension === "" ? "no extension" : `.${extension}`} ${count}`,
  );
  return `ignored: ${total} ${total === 1 ? "file" : "files"} (${list.join(", ")}), ${what}`;
}

/**
 * Split and class by the folders a file is in: train/ and test/ first, then the first folder below is its class.
 * @returns names as in `splitFolders`; undefined where there is no such folder
 */
export function readFolders(name: string): { split: string | undefined; className: string | undefined } {
  const folders = name.split("/").slice(0, -1);
  const split = splitFolders.get(folders[0]?.toLowerCase() ?? "");
  return { split, className: split === undefined ? folders[0] : folders[1] };
}

/**
 * The one folder that holds everything in an archive, with its slash; "" where there is none, or where it is a split.
 */
export function topFolder(names: Iterable<string>): string {
  let top: string | undefined;
  for (const name of names) {
    if (top === undefined) {
      top = name.slice(0, name.indexOf("/") + 1);
      if (top === "" || splitFolders.has(top.slice(0, -1).toLowerCase())) return "";
    } else if (!name.startsWith(top)) return "";
  }
  return top ?? "";
}

/** A digest over anything that identifies a source. */
export function digestOf(...lists: readonly Iterable<string | number>[]): string {
  const hash = createHash("sha256");
  for (const parts of lists) for (const part of parts) hash.update(`${part}\0`);
  return hash.digest("hex");
}

/** Compares by code units, so that the order is the same on every machine and in every language. */
export function compareNames(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @throws DataError for a file beyond what a photo may have */
export function checkFileSize(bytes: number): void {
  if (bytes > mostPhotoBytes) throw new DataError(`is larger than ${mostPhotoBytes / 2 ** 20} MiB`);
}

function extensionOf(file: string): string {
  const dot = file.lastIndexOf(".");
  return dot > 0 ? file.slice(dot + 1).toLowerCase() : "";
}
