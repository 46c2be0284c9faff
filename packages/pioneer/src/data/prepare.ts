import { stat } from "node:fs/promises";
import { type Colour, type Crop, faceSimilarity, sideOf } from "pioneer-runtime";
import { ConfigError, DataError } from "../base/errors.ts";
import { kindOfFile } from "../base/file-kind.ts";
import { lockFile } from "../base/lock-file.ts";
import { checkAlignOptions } from "../config/face-template.ts";
import { isDrawn } from "../config/procedural.ts";
import { type Alignment, openAlignment } from "./alignment.ts";
import type { PackingState } from "./journal.ts";
import { noteOddOnes } from "./odd-ones.ts";
import type { SkippedFile } from "./pack/format.ts";
import { findColumns, type LabelRow } from "./pack/labels.ts";
import { isPack, openPack, type Pack } from "./pack/pack.ts";
import { allIndices, buildSplits, smallestHashes } from "./pack/splits.ts";
import { ownPicture, Packing, type PrepareProgress } from "./packing.ts";
import { readSizes, resolutionFor, sampleOf } from "./sample-sizes.ts";
import type { SourceKind } from "./sources/kinds.ts";
import { openSource } from "./sources/open.ts";
import { digestOf, type Source } from "./sources/source.ts";

export interface PrepareOptions {
  /** A folder or archive of images, CelebA, CelebA-HQ's HDF5, LSUN, CIFAR-10, "procedural:faces" or "procedural:portraits". */
  readonly source: string;
  /** What to take the source for; "auto" (default) looks at it. */
  readonly kind?: SourceKind | undefined;
  /** The pack to write. */
  readonly out: string;
  /**
   * A power of two, 4 to 1024. By default the largest one, at most 256, that hardly any photo is too small for: that
   * the short side of 19 in 20 reaches (of all, with fewer than 20 photos; of a sample of 256, with more); 64 for
   * procedural faces.
   */
  readonly resolution?: number | undefined;
  /** By default what goes with the source: "celeba" for CelebA, else "center"; not with `align`. "none" skips photos that are not square; "celeba" is the authors' way with CelebA. */
  readonly crop?: Crop | undefined;
  /**
   * A CSV of where the photos have eyes and mouth, or "faces" to find them: each photo is turned, scaled and moved so that
   * they lie on the template. Photos without a face are skipped; of several faces the largest is taken.
   */
  readonly align?: string | undefined;
  /** Where eyes and mouth are to lie, as `parseTemplate` takes it. */
  readonly template?: string | undefined;
  /** A labels CSV; by default labels.csv inside or beside the source. */
  readonly labels?: string | undefined;
  /** Use at most this many of the source's images, chosen by the hash of their names and the seed. */
  readonly limit?: number | undefined;
  /** Images to draw, of a procedural source: 10,000 by default. */
  readonly count?: number | undefined;
  /** Of a procedural source, and of `limit`; 0 by default. Elsewhere it changes nothing. */
  readonly seed?: number | undefined;
  /** "auto" (default): one channel if every image is grey, else three. */
  readonly colour?: Colour | "auto" | undefined;
  /** Pixels of a photo, as `decodeSquare` takes them; larger ones are skipped. */
  readonly maxPixels?: number | undefined;
  /** Replace an existing pack; no other file is replaced. */
  readonly force?: boolean | undefined;
  /** Called after each image. */
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined;
  /** Called after each image that was searched for faces, before the first is packed. */
  readonly onFinding?: ((done: number, total: number) => void) | undefined;
  /** Stops packing; what is done is kept for the next call. */
  readonly signal?: AbortSignal | undefined;
}

export interface PrepareResult {
  /** The finished pack. */
  readonly pack: Pack;
  /** Images that an earlier, interrupted call had already done. */
  readonly resumedFrom: number;
  readonly skipped: readonly SkippedFile[];
  /** How many images were smaller than the resolution, and were enlarged. */
  readonly enlarged: number;
  /** Remarks: ignored files, labels that fit no image. */
  readonly notes: readonly string[];
}

/** A larger share of pixels beyond the photos' edges is worth a remark. */
const tellBeyond = 0.05;

/**
 * Turns a source into a pack. Memory stays bounded whatever the source's size; an interrupted call, killed or
 * aborted, is continued by the next one with the same source and options. Same source and options, same pack.
 * @throws ConfigError for a wrong option; DataError if nothing can be read, for an existing pack without `force`, a
 *   full disk, a folder that cannot be written; SourceError if the source's disk fails or goes away, after which the next
 *   call goes on; StoppedError when `signal` aborts
 */
export async function prepareDataset(options: PrepareOptions): Promise<PrepareResult> {
  checkOptions(options);
  const { source, align, out } = options;
  if (align !== undefined && (await isPack(source))) {
    throw new DataError(
      `${source} is a pack, whose photos are cut already: to align them, prepare with --align ${align} what it was made of`,
    );
  }
  await checkTarget(options);
  const unlock = await lockFile(out);
  try {
    const result = await packSource(options);
    // Only now, when the source is gone: both hold a name for each image, of which there may be millions.
    return { pack: openPack(out), ...result };
  } finally {
    await unlock();
  }
}

/**
 * The seed as far as it matters to a pack: 0 where nothing is drawn or chosen by it, so that runs with other seeds share
 * the pack of their photos.
 */
export function packSeed(source: string, { limit, seed = 0 }: Pick<PrepareOptions, "limit" | "seed">): number {
  return isDrawn(source) || limit !== undefined ? seed : 0;
}

/** @throws ConfigError */
export function checkResolution(resolution: number): void {
  if (!Number.isInteger(Math.log2(resolution)) || resolution < 4 || resolution > 1024) {
    throw new ConfigError(`resolution: expected a power of two from 4 to 1024, got ${resolution}`);
  }
}

function checkOptions(options: PrepareOptions): void {
  const { resolution, limit, count, seed } = options;
  checkAlignOptions(options, options.source);
  if (resolution !== undefined) checkResolution(resolution);
  for (const [name, value] of Object.entries({ limit, count })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
      throw new ConfigError(`${name}: expected a whole number of images from 1 on, got ${value}`);
    }
  }
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new ConfigError(`seed: expected a whole number, got ${seed}`);
  }
}

/** A pack gives way to another with `force`; nothing else does, least of all what is to be read. */
async function checkTarget({ source, out, force = false }: PrepareOptions): Promise<void> {
  const info = await stat(out).catch(() => undefined);
  if (info === undefined) return;
  if (info.isDirectory()) throw new DataError(`${out} is a folder; give the pack a file name, for instance faces.pack`);
  const from = await stat(source).catch(() => undefined);
  if (from?.ino === info.ino && from.dev === info.dev) {
    throw new DataError(`${out} is what is to be packed: give the pack another name, for instance faces.pack`);
  }
  if (!info.isFile()) throw new DataError(`${out} is no file; give the pack a file name, for instance faces.pack`);
  if (info.size > 0 && !(await isPack(out))) {
    const kind = await kindOfFile(out);
    throw new DataError(
      `${out} is ${kind}, not a pack, and --force replaces packs only: give the pack another name, for instance faces.pack`,
    );
  }
  if (!force) throw new DataError(`${out} exists; choose another name, or replace it with --force`);
}

async function packSource(options: PrepareOptions): Promise<Omit<PrepareResult, "pack">> {
  const source = await openSource(options.source, options.resolution, options);
  try {
    return await packOpened(source, options);
  } finally {
    await source.close();
  }
}

async function packOpened(source: Source, options: PrepareOptions): Promise<Omit<PrepareResult, "pack">> {
  const { out, align, template, limit, colour = "auto", maxPixels } = options;
  const crop = align === undefined ? (options.crop ?? source.crop ?? "center") : "center";
  const seed = packSeed(options.source, options);
  if (source.count === 0) {
    const said = [
      ...(source.skipped ?? []).slice(0, 1).map(({ name, reason }) => `${name} ${reason}`),
      ...source.notes,
    ];
    const notes = said.length > 0 ? ` (${said.join("; ")})` : "";
    throw new DataError(
      `${options.source}: no images found; put jpg, png, webp, avif, tiff or gif files there${notes}`,
    );
  }
  const nameOf = (index: number) => source.entry(index).name;
  const all = allIndices(source.count);
  const wanted = limit === undefined ? all : smallestHashes(all, nameOf, `limit ${seed}`, limit);
  const { onFinding, signal } = options;
  const alignment =
    align === undefined
      ? undefined
      : await openAlignment(source, options.source, wanted, { align, template, onFinding, signal, maxPixels });
  const resolution =
    options.resolution ?? (await chooseResolution(source, options.source, { wanted, crop, alignment, maxPixels }));
  const odd = await noteOddOnes(source, wanted, maxPixels);
  const packing = new Packing(source, wanted, {
    out,
    from: options.source,
    resolution,
    crop,
    alignment,
    colour,
    maxPixels,
  });
  const chosen = [source.digest, resolution, crop, colour, limit ?? "", seed];
  // Only where it is given, so that what was begun without goes on.
  const key = digestOf(maxPixels === undefined ? chosen : [...chosen, maxPixels], alignment?.digest ?? []);
  try {
    const resumedFrom = await packing.begin(key);
    await packing.run(options.onProgress, options.signal);
    const { count, skipped, enlarged, beyond } = packing.state;
    const images = skipped.map(({ index, reason }) => ({ name: nameOf(index), reason }));
    const files = [...(source.skipped ?? []), ...images];
    if (count === 0) {
      await packing.discard();
      const [first] = files;
      throw new DataError(
        `${options.source}: none of its ${files.length} images can be used; the first, ${first?.name}, ${first?.reason}`,
      );
    }
    const own = skipped.filter(({ reason }) => reason === ownPicture);
    const left =
      own.length === 0
        ? []
        : [
            `left out: ${own.length} of the pictures, which this program wrote (first: ${nameOf((own[0] as { index: number }).index)})`,
          ];
    const notes = [...source.notes, ...left, ...odd, ...(alignment?.notes ?? []), ...describeBeyond(beyond / count)];
    const written = withoutSkipped(wanted, skipped);
    const entryOf = (i: number) => source.entry(written[i] as number);
    const rows = eachOf(written, (index): LabelRow => source.entry(index).labels);
    await packing.finish({
      crop,
      ...(alignment && { align: { template: alignment.template, faces: digestOf(facesOf(written, alignment)) } }),
      source: { kind: source.kind, name: source.name, options: { limit: limit ?? null, seed } },
      columns: findColumns(rows),
      rows,
      splits: buildSplits(
        written.length,
        (i) => entryOf(i).split,
        (i) => entryOf(i).name,
      ),
      names: eachOf(written, nameOf),
      skipped: files,
      enlarged,
      notes,
    });
    return { resumedFrom, skipped: files, enlarged, notes };
  } finally {
    await packing.close();
  }
}

/** @param skipped in the order of `wanted` */
function withoutSkipped(wanted: Uint32Array, skipped: PackingState["skipped"]): Uint32Array {
  const written = new Uint32Array(wanted.length - skipped.length);
  let [filled, next] = [0, 0];
  for (const index of wanted) {
    if (skipped[next]?.index === index) next++;
    else written[filled++] = index;
  }
  return written;
}

/** What `make` makes of each index, made anew whenever it is gone through: nothing is held. */
function eachOf<T>(indices: Uint32Array, make: (index: number) => T): Iterable<T> {
  return {
    *[Symbol.iterator]() {
      for (const index of indices) yield make(index);
    },
  };
}

/** @returns side of the images, as told at `PrepareOptions.resolution` */
async function chooseResolution(
  source: Source,
  from: string,
  {
    wanted,
    crop,
    alignment,
    maxPixels,
  }: { wanted: Uint32Array; crop: Crop; alignment: Alignment | undefined; maxPixels: number | undefined },
): Promise<number> {
  const sides =
    alignment === undefined
      ? (await readSizes(source, from, sampleOf(wanted), maxPixels)).map(({ width, height }) => Math.min(width, height))
      : Array.from(wanted, (index) => alignment.faceOf(index)).flatMap((face) =>
          typeof face === "string" ? [] : [sideOf(faceSimilarity(face, alignment.template))],
        );
  return resolutionFor(sides, crop);
}

/** @param share of all pixels that lie beyond their photos */
function describeBeyond(share: number): string[] {
  if (share < tellBeyond) return [];
  return [
    `${(100 * share).toFixed(0)} % of all pixels lie beyond the edges of their photos, where the outermost ones are repeated: photos cut wider around the faces, or a --template with a larger face, have fewer of them`,
  ];
}

/** The places of the faces of some images, in one row. */
function* facesOf(indices: Uint32Array, { faceOf }: Alignment): Iterable<number> {
  for (const index of indices) {
    const face = faceOf(index);
    if (typeof face !== "string") yield* [...face.eyeLeft, ...face.eyeRight, ...face.mouth];
  }
}
