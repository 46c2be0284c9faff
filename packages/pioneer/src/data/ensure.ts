import { existsSync } from "node:fs";
import { realpath, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { SeenAs } from "pioneer-runtime";
import { defaultCacheDir } from "../base/cache-dir.ts";
import { commandLine } from "../base/command-line.ts";
import { ConfigError, DataError, StoppedError } from "../base/errors.ts";
import { BusyError } from "../base/lock-file.ts";
import { readLabelsText } from "../base/read.ts";
import { shellWord } from "../base/shell-word.ts";
import { medianTemplate, parseTemplate, searchFaces, templateText } from "../config/face-template.ts";
import { isDrawn } from "../config/procedural.ts";
import { isPack, openPack, type Pack } from "./pack/pack.ts";
import { checkResolution, type PrepareOptions, type PrepareResult, packSeed, prepareDataset } from "./prepare.ts";
import { findLabels, textsOf } from "./sources/annotate.ts";
import { isH5, openSource } from "./sources/open.ts";
import { digestOf } from "./sources/source.ts";

/** What a run that was imported has in place of data until it is given some. */
export const noData = "none (imported)";

/** What `train --data` accepts beside a pack. */
export interface EnsureOptions extends Omit<PrepareOptions, "source" | "out" | "force"> {
  /** Where packs made on the way are kept; `$XDG_CACHE_HOME/pioneer` or `~/.cache/pioneer` by default. */
  readonly cacheDir?: string | undefined;
  /** Told once, in a line, if another process is making the same pack, which is then waited for. */
  readonly onWait?: ((text: string) => void) | undefined;
}

/** Milliseconds between two looks at a pack that another process makes. */
const lookMs = 300;

export interface EnsuredPack {
  readonly pack: Pack;
  /** The result of packing, where the data was not a pack and had not been packed before. */
  readonly prepared: PrepareResult | undefined;
}

/**
 * The pack to train on: `data` itself if it is one (the options are then not used), else the one made of it in the
 * cache, which is used again as long as the source's files, their sizes and times, the labels and the options stay; of
 * an archive path, size and time.
 * @param data a pack, or any source of `prepareDataset`
 * @throws as `openPack` and `prepareDataset`; StoppedError when `signal` aborts while another process is waited for
 */
export async function ensurePack(data: string, options: EnsureOptions = {}): Promise<EnsuredPack> {
  if (data === noData) throw new ConfigError("the run was imported and has no data yet: give --data");
  if (await isPackFile(data)) return { pack: openPack(data), prepared: undefined };
  if (options.resolution !== undefined) checkResolution(options.resolution);
  const out = join(options.cacheDir ?? defaultCacheDir(), await cacheName(data, options));
  const { cacheDir: _, onWait, ...rest } = options;
  let waits = false;
  for (;;) {
    if (await isPack(out)) {
      try {
        return { pack: openPack(out), prepared: undefined };
      } catch {
        await rm(out, { force: true }); // damaged, but ours to make again
      }
    }
    try {
      const prepared = await prepareDataset({ ...rest, source: data, out });
      return { pack: prepared.pack, prepared };
    } catch (error) {
      // Another process makes it, or has made it since we looked.
      if (!(error instanceof BusyError) && !(await isPack(out))) throw error;
      if (!waits && error instanceof BusyError)
        onWait?.(`waiting for process ${error.owner}, which packs ${data} already`);
      waits = true;
    }
    await setTimeout(lookMs);
    if (options.signal?.aborted) throw StoppedError.by(options.signal, "stopped while another process was packing");
  }
}

/**
 * Images to look at a model with: a pack, or a source that is packed as the model saw its training images.
 * @throws DataError for photos that are not packed, of a model of aligned faces; as `ensurePack`
 */
export async function packFor({ resolution, colour, crop, align }: SeenAs, data: string): Promise<EnsuredPack> {
  if (align !== null && !(await isPackFile(data)) && isThere(data)) {
    throw new DataError(
      `${data}: the model was trained on aligned faces; make these a pack with ${commandLine(`dataset prepare ${shellWord(data)} OUT.pack --align ${searchFaces} --template ${templateText(align)}`)}`,
    );
  }
  return await ensurePack(data, { resolution, crop, colour });
}

/** Whether data is a pack rather than a source; a file that is called one, also where it turns out to be none. */
export async function isPackFile(data: string): Promise<boolean> {
  return (await isFile(data)) && (data.endsWith(".pack") || (await isPack(data)));
}

/** Whether there is anything at all that could be packed. */
export const isThere = (data: string): boolean => isDrawn(data) || existsSync(data);

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

async function cacheName(data: string, options: EnsureOptions): Promise<string> {
  const { resolution, crop = "", align, template, limit, colour = "auto", maxPixels } = options;
  const { name, key } = (await isFile(data)) ? await identifyFile(data, options) : await identifySource(data, options);
  // Packs of photos that are not aligned, or of the usual limit, have been named without, and are still good.
  const points = align === undefined || align === searchFaces ? align : await readLabelsText(align);
  const aligned = points === undefined ? [] : [points, canonicalTemplate(template)];
  const large = maxPixels === undefined ? [] : [maxPixels];
  const chosen = [...key, resolution ?? "", crop, limit ?? "", packSeed(data, options), colour, ...large];
  const digest = digestOf(chosen, aligned);
  const readable = name.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 60);
  return `${readable}-${resolution ?? "auto"}-${digest.slice(0, 16)}.pack`;
}

/** The same for each way to write a template. */
function canonicalTemplate(given: string | undefined): string {
  const template = parseTemplate(given);
  return template === medianTemplate ? template : templateText(template);
}

/** What tells a source from others, and from itself before a change. */
interface Identity {
  readonly name: string;
  readonly key: readonly (string | number)[];
}

async function identifySource(data: string, options: EnsureOptions): Promise<Identity> {
  const { resolution, kind, labels, count, seed = 0 } = options;
  const source = await openSource(data, resolution, { kind, labels, count, seed });
  await source.close();
  return { name: source.name, key: [source.kind, source.digest] };
}

/**
 * A file is not read for this: listing a large tar, or unpacking one that is compressed, takes minutes. HDF5 is opened in
 * no time, and knows the lists beside it that count.
 */
async function identifyFile(data: string, options: EnsureOptions): Promise<Identity> {
  const { kind = "auto", labels, count } = options;
  const path = await realpath(data);
  if (await isH5(path)) {
    const { name, key } = await identifySource(data, options);
    return { name, key: [...key, path] };
  }
  const { size, mtimeMs } = await stat(path);
  const files = await findLabels(data, labels);
  return { name: basename(data), key: ["archive", kind, path, size, mtimeMs, textsOf(files), count ?? ""] };
}
