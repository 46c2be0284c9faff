import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { DataError } from "../../errors.ts";
import { onDisk } from "../disk.ts";
import { annotate, findLabels } from "./annotate.ts";
import {
  checkFileSize,
  classify,
  digestOf,
  noteIgnored,
  type Source,
  type SourceContent,
  topFolder,
} from "./source.ts";

/** A file in an archive; `key` is what the archive's reader finds it by. */
export interface Member<Key> {
  readonly name: string;
  readonly bytes: number;
  readonly key: Key;
}

/** What tar and zip differ in. */
export interface ArchiveReader<Key> {
  readonly kind: string;
  /** All files, in the archive's order. */
  readonly members: readonly Member<Key>[];
  read(member: Member<Key>): Promise<Buffer>;
  /** For archives that can only be read from front to back: reads some members, given in the archive's order. */
  stream?(members: readonly Member<Key>[]): AsyncIterable<() => Buffer>;
  close(): Promise<void>;
}

/**
 * The images in an archive, in its order; one folder around everything is passed over. Of several files with one
 * name the last counts, as when an archive is unpacked.
 * @throws DataError if the archive cannot be read or the labels do not fit
 */
export async function openArchive<Key>(path: string, reader: ArchiveReader<Key>, labels?: string): Promise<Source> {
  try {
    return await describeArchive(path, reader, labels);
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function describeArchive<Key>(path: string, reader: ArchiveReader<Key>, labels?: string): Promise<Source> {
  const { size, mtimeMs } = await onDisk(path, () => stat(path));
  const visible = reader.members.filter(({ name }) => classify(name) !== "hidden");
  const top = topFolder(visible.map(({ name }) => name));
  const latest = new Map<string, Member<Key>>();
  for (const member of visible) {
    const name = member.name.slice(top.length);
    latest.delete(name); // so that it moves to the end: the order must stay the archive's
    latest.set(name, member);
  }
  const names = [...latest.keys()];
  const inner = latest.get("labels.csv");
  const file = await findLabels(path, labels, async () =>
    inner === undefined ? undefined : (await readMember(reader, inner)).toString("utf8"),
  );
  const images = names.filter((name) => classify(name) === "image");
  const { entries, notes } = annotate(images, file, [
    top,
    `${basename(path).replace(/\.(tar|tgz|tar\.gz|zip)$/i, "")}/`,
  ]);
  return {
    kind: reader.kind,
    name: basename(path),
    entries,
    digest: digestOf([reader.kind, size, mtimeMs, file?.text ?? "", ...images]),
    notes: [...noteIgnored(names), ...notes],
    contents: (indices) => {
      const members = indices.map((index) => latest.get(images[index] ?? "") as Member<Key>);
      return reader.stream === undefined
        ? readRandomly(reader, indices, members)
        : readInOrder(reader.stream(members), indices);
    },
    close: () => reader.close(),
  };
}

async function* readRandomly<Key>(
  reader: ArchiveReader<Key>,
  indices: readonly number[],
  members: readonly Member<Key>[],
): AsyncIterable<SourceContent> {
  for (const [i, index] of indices.entries()) {
    yield { index, read: () => readMember(reader, members[i] as Member<Key>) };
  }
}

async function* readInOrder(
  contents: AsyncIterable<() => Buffer>,
  indices: readonly number[],
): AsyncIterable<SourceContent> {
  let i = 0;
  for await (const content of contents) {
    const index = indices[i++];
    if (index === undefined) return;
    yield { index, read: async () => content() };
  }
}

async function readMember<Key>(reader: ArchiveReader<Key>, member: Member<Key>): Promise<Buffer> {
  checkFileSize(member.bytes);
  return reader.stream === undefined ? await reader.read(member) : await firstOf(reader.stream([member]));
}

async function firstOf(contents: AsyncIterable<() => Buffer>): Promise<Buffer> {
  for await (const content of contents) return content();
  throw new DataError("is no longer in the archive");
}
