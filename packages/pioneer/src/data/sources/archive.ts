import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { onDisk } from "../../base/disk.ts";
import { DataError } from "../../base/errors.ts";
import { formatBytes } from "../../base/format.ts";
import { mostLabelsBytes, textOf } from "../../base/read.ts";
import { type Names, NameTable } from "../pack/names.ts";
import { annotate, findLabels, textsOf } from "./annotate.ts";
import { isLabelsName } from "./label-files.ts";
import { findLeftOut } from "./left-out.ts";
import {
  checkFileSize,
  classify,
  digestOf,
  type Indices,
  noteIgnored,
  type Source,
  type SourceContent,
  topFolder,
} from "./source.ts";

/** What tar and zip differ in. A member is known by its number; there may be millions. */
export interface ArchiveReader {
  readonly kind: string;
  /** All files, in the archive's order. */
  readonly names: Names;
  /** Sizes of the members, unpacked. */
  readonly bytes: readonly number[];
  /** Links among the images' names, which are no members: they have no content of their own. */
  readonly links: Links;
  read(member: number): Promise<Buffer>;
  /** For archives that can only be read from front to back: reads some members, ascending. */
  stream?(members: Uint32Array): AsyncIterable<() => Buffer>;
  close(): Promise<void>;
}

export interface Links {
  count: number;
  first: string;
}

/** Counts a link, where it would be an image if it were a file. */
export function noteLink(links: Links, name: string): void {
  if (classify(name) !== "image") return;
  if (links.count === 0) links.first = name;
  links.count++;
}

/**
 * The images in an archive, in its order; one folder around everything is passed over. Of several files with one
 * name the last counts, as when an archive is unpacked.
 * @throws DataError if the archive cannot be read or the labels do not fit
 */
export async function openArchive(path: string, reader: ArchiveReader, labels?: string): Promise<Source> {
  try {
    return await describeArchive(path, reader, labels);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function describeArchive(path: string, reader: ArchiveReader, labels?: string): Promise<Source> {
  const { size, mtimeMs } = await onDisk(path, () => stat(path));
  const { top, images, members, labelMembers, ignored } = findImages(reader);
  const files = await findLabels(path, labels, {
    names: [...labelMembers.keys()],
    read: async (name) => {
      const member = labelMembers.get(name) as number;
      const bytes = reader.bytes[member] as number;
      if (bytes <= mostLabelsBytes) return textOf(await readMember(reader, member));
      throw new DataError(
        `${name} has ${formatBytes(bytes)}, at most ${formatBytes(mostLabelsBytes)} of labels are read`,
      );
    },
  });
  const prefixes = [top, `${basename(path).replace(/\.(tar|tgz|tar\.gz|zip)$/i, "")}/`];
  const { entry, notes } = annotate(images, files, prefixes);
  return {
    kind: reader.kind,
    name: basename(path),
    prefixes,
    count: images.length,
    isStream: reader.stream !== undefined,
    entry,
    digest: digestOf([reader.kind, size, mtimeMs, textsOf(files)], images),
    notes: [...ignored, ...noteLinks(reader.links), ...notes],
    contents: (indices) => {
      const wanted = Uint32Array.from(indices, (index) => members[index] as number);
      return reader.stream === undefined
        ? readRandomly(reader, indices, wanted)
        : readInOrder(reader, reader.stream(wanted), indices, wanted);
    },
    close: () => reader.close(),
  };
}

const noteLinks = ({ count, first }: Links): string[] =>
  count === 0
    ? []
    : [
        `left out: ${count} ${count === 1 ? "link" : "links"} (first: ${first}), whose content lies elsewhere; to have ${count === 1 ? "it" : "them"}, unpack the archive and give the folder`,
      ];

interface Found {
  /** The folder around everything, with its slash; "" where there is none. */
  readonly top: string;
  /** Names of the images, without it. */
  readonly images: Names;
  /** The image's numbers in the archive. */
  readonly members: Uint32Array;
  /** Labels files by their names without `top`. */
  readonly labelMembers: ReadonlyMap<string, number>;
  readonly ignored: string[];
}

function findImages({ names }: ArchiveReader): Found {
  const top = topFolder(visibleNames(names));
  const latest = new Map<string, number>();
  let index = 0;
  for (const name of names) {
    if (classify(name) !== "hidden") latest.set(name.slice(top.length), index);
    index++;
  }
  const left = findLeftOut({ [Symbol.iterator]: () => latest.keys() });
  const images = new NameTable();
  const labelMembers = new Map<string, number>();
  const members = new Uint32Array(latest.size);
  index = 0;
  for (const full of names) {
    const name = full.slice(top.length);
    if (isLabelsName(name)) labelMembers.set(name, index);
    // The one that counts, at its place: the order must stay the archive's.
    if (classify(name) === "image" && latest.get(name) === index && !left.has(name)) {
      members[images.length] = index;
      images.push(name);
    }
    index++;
  }
  return {
    top,
    images,
    members: members.slice(0, images.length),
    labelMembers,
    ignored: [...left.notes, ...noteIgnored(latest.keys(), left)],
  };
}

function* visibleNames(names: Names): Iterable<string> {
  for (const name of names) if (classify(name) !== "hidden") yield name;
}

async function* readRandomly(
  reader: ArchiveReader,
  indices: Indices,
  members: Uint32Array,
): AsyncIterable<SourceContent> {
  let i = 0;
  for (const index of indices) {
    const member = members[i++] as number;
    yield { index, bytes: reader.bytes[member] as number, read: () => readMember(reader, member) };
  }
}

async function* readInOrder(
  reader: ArchiveReader,
  contents: AsyncIterable<() => Buffer>,
  indices: Indices,
  members: Uint32Array,
): AsyncIterable<SourceContent> {
  let i = 0;
  for await (const content of contents) {
    const index = indices[i++];
    if (index === undefined) return;
    yield { index, bytes: reader.bytes[members[i - 1] as number] as number, read: async () => content() };
  }
}

async function readMember(reader: ArchiveReader, member: number): Promise<Buffer> {
  checkFileSize(reader.bytes[member] as number);
  return reader.stream === undefined ? await reader.read(member) : await firstOf(reader.stream(Uint32Array.of(member)));
}

async function firstOf(contents: AsyncIterable<() => Buffer>): Promise<Buffer> {
  for await (const content of contents) return content();
  throw new DataError("is no longer in the archive");
}
