import { readdir, stat } from "node:fs/promises";
import { basename } from "node:path";
import { onDisk } from "../../base/disk.ts";
import { ConfigError, DataError } from "../../base/errors.ts";
import { refusalOfKind, startOfFile } from "../../base/file-kind.ts";
import { refusalOfAddress } from "../../base/read.ts";
import { isDrawn } from "../../config/procedural.ts";
import { hasPackMagic } from "../pack/format.ts";
import { looksLikeCeleba, openCeleba } from "./celeba.ts";
import { hasH5Magic, openCelebaHq } from "./celebahq.ts";
import { openCifar } from "./cifar.ts";
import { holdsBatches, isBatch, openCifarArchive, openCifarFolder } from "./cifar-files.ts";
import { openFolder } from "./folder.ts";
import type { SourceKind } from "./kinds.ts";
import { hasLmdbMagic } from "./lmdb.ts";
import { findEnvironments, openLsun } from "./lsun.ts";
import { openProcedural, proceduralResolution, proceduralSource } from "./procedural.ts";
import type { Source } from "./source.ts";
import { openTar } from "./tar.ts";
import { openZip } from "./zip.ts";

export interface SourceOptions {
  /** "auto" by default. */
  readonly kind?: SourceKind | undefined;
  /** A labels CSV, for folders and archives; other sources have labels of their own. */
  readonly labels?: string | undefined;
  /** Images to draw, for procedural sources: 10,000 by default. */
  readonly count?: number | undefined;
  /** Of procedural sources: 0 by default. */
  readonly seed?: number | undefined;
}

const gzipMagic = "\x1f\x8b";

/** A kind that is opened by a path. */
interface Opener {
  readonly is: "folder" | "file" | "either";
  /** Whether a labels CSV may be given; others have labels of their own. */
  readonly takesLabels?: true;
  readonly open: (path: string, resolution: number | undefined, labels: string | undefined) => Promise<Source>;
}

/** The kinds of sources that lie somewhere: a new one is a file of this folder, a name in kinds.ts and an entry here. */
const openers: Record<Exclude<SourceKind, "auto">, Opener> = {
  folder: { is: "folder", takesLabels: true, open: (path, _, labels) => openFolder(path, labels) },
  tar: { is: "file", takesLabels: true, open: async (path, _, labels) => openTar(path, await isGzipped(path), labels) },
  zip: { is: "file", takesLabels: true, open: (path, _, labels) => openZip(path, labels) },
  celeba: { is: "folder", open: openCeleba },
  celebahq: { is: "file", open: openCelebaHq },
  lsun: { is: "either", open: openLsun },
  cifar10: { is: "either", open: openCifarAnywhere },
};

async function openCifarAnywhere(path: string): Promise<Source> {
  const isFolder = (await onDisk(path, () => stat(path))).isDirectory();
  if (!isFolder) refuseBatch(path);
  return openCifar(path, isFolder ? await openCifarFolder(path) : await openCifarArchive(path, await isGzipped(path)));
}

/**
 * Opens a folder, an archive, a published data set or a procedural source. Unless `kind` says it, what it is, is seen
 * by its content: a file's first bytes, the names in a folder.
 * @param source     a path, "procedural:faces" or "procedural:portraits"
 * @param resolution side of the images wanted; matters to procedural sources, which draw it, and to CelebA-HQ, which
 *                   has each in a place of its own
 * @throws DataError if there is no such source or it cannot be read; ConfigError for an option that it does not take
 */
export async function openSource(
  source: string,
  resolution: number | undefined,
  { kind = "auto", labels, count, seed }: SourceOptions = {},
): Promise<Source> {
  if (isDrawn(source)) {
    const known = proceduralSource(source);
    if (labels !== undefined) throw new DataError(`${source} has labels of its own; leave out --labels`);
    if (kind !== "auto") throw new ConfigError(`source: ${source} is not of kind ${kind}; leave out --source`);
    return openProcedural(known, resolution ?? proceduralResolution, count, seed);
  }
  const isAddress = refusalOfAddress(source);
  if (isAddress !== undefined) throw new DataError(isAddress);
  if (count !== undefined) {
    throw new ConfigError(`--count: ${source} is not drawn; to use a part of its images, give --limit ${count}`);
  }
  const found = kind === "auto" ? await recognize(source) : kind;
  await checkPlace(source, found);
  const opener = openers[found];
  if (labels !== undefined && !opener.takesLabels) {
    throw new DataError(`${source} is read as ${found}, which takes no labels file; leave out --labels`);
  }
  return await opener.open(source, resolution, labels);
}

/** Folders are opened as folders and files as files, also where the kind is given. */
async function checkPlace(path: string, kind: Exclude<SourceKind, "auto">): Promise<void> {
  const found = (await onDisk(path, () => stat(path))).isDirectory() ? "folder" : "file";
  const { is } = openers[kind];
  if (is !== "either" && is !== found) {
    throw new DataError(`${path} is a ${found}, and ${kind} a ${is}; leave out --source`);
  }
}

async function recognize(path: string): Promise<Exclude<SourceKind, "auto">> {
  const info = await onDisk(path, () => stat(path));
  return info.isDirectory() ? await recognizeFolder(path) : await recognizeFile(path);
}

async function recognizeFolder(path: string): Promise<Exclude<SourceKind, "auto">> {
  if (await looksLikeCeleba(path)) return "celeba";
  if ((await onDisk(path, () => readdir(path))).some(isBatch)) return "cifar10";
  return (await findEnvironments(path)).length > 0 ? "lsun" : "folder";
}

async function recognizeFile(path: string): Promise<Exclude<SourceKind, "auto">> {
  refuseBatch(path);
  const start = await startOfFile(path, 512);
  const text = start.toString("latin1");
  if (hasPackMagic(start)) throw new DataError(`${path} is a pack already; give it to train --data`);
  if (text.startsWith("PK\x03\x04") || text.startsWith("PK\x05\x06")) return "zip";
  if (text.startsWith(gzipMagic)) return (await holdsBatches(path, true)) ? "cifar10" : "tar";
  if (hasH5Magic(start)) return "celebahq";
  if (basename(path) === "data.mdb" || hasLmdbMagic(start)) return "lsun";
  // The oldest tars have no mark: their name is trusted.
  if (text.startsWith("ustar", 257) || path.endsWith(".tar")) {
    return (await holdsBatches(path, false)) ? "cifar10" : "tar";
  }
  const refusal = refusalOfKind(start, path);
  if (refusal !== undefined) throw new DataError(`${path} ${refusal}`);
  throw new DataError(
    `${path}: neither a folder, a tar, tar.gz or zip of images, CelebA-HQ's HDF5, an LMDB environment of LSUN, nor a pack`,
  );
}

/** A file of CIFAR-10 alone has no names for its classes. */
function refuseBatch(path: string): void {
  if (isBatch(basename(path))) throw new DataError(`${path} is one batch of CIFAR-10; give the folder it is in`);
}

/** Whether a file is HDF5, as CelebA-HQ's. */
export async function isH5(path: string): Promise<boolean> {
  return hasH5Magic(await startOfFile(path, 512));
}

async function isGzipped(path: string): Promise<boolean> {
  return (await startOfFile(path, 512)).toString("latin1", 0, 2) === gzipMagic;
}
