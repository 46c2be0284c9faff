import { rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { isPack, openPack, type Pack } from "./pack.ts";
import { checkResolution, type PrepareOptions, type PrepareResult, prepareDataset } from "./prepare.ts";
import { openSource } from "./sources/open.ts";
import { digestOf } from "./sources/source.ts";

/** What `train --data` accepts beside a pack. */
export interface EnsureOptions extends Omit<PrepareOptions, "source" | "out" | "force"> {
  /** Where packs made on the way are kept; `$XDG_CACHE_HOME/pioneer` or `~/.cache/pioneer` by default. */
  readonly cacheDir?: string | undefined;
}

export interface EnsuredPack {
  readonly pack: Pack;
  /** The result of packing, where the data was not a pack and had not been packed before. */
  readonly prepared: PrepareResult | undefined;
}

/**
 * The pack to train on: `data` itself if it is one (the options are then not used), else the one made of it in the
 * cache, which is used again as long as the source's files, their sizes and times, the labels and the options stay.
 * @param data a pack, or any source of `prepareDataset`
 * @throws as `openPack` and `prepareDataset`
 */
export async function ensurePack(data: string, options: EnsureOptions = {}): Promise<EnsuredPack> {
  const isFile = (await stat(data).catch(() => undefined))?.isFile() ?? false;
  if (isFile && (data.endsWith(".pack") || (await isPack(data)))) return { pack: openPack(data), prepared: undefined };
  if (options.resolution !== undefined) checkResolution(options.resolution);
  const out = join(options.cacheDir ?? defaultCacheDir(), await cacheName(data, options));
  if (await isPack(out)) {
    try {
      return { pack: openPack(out), prepared: undefined };
    } catch {
      await rm(out, { force: true }); // damaged, but ours to make again
    }
  }
  const { cacheDir: _, ...rest } = options;
  const prepared = await prepareDataset({ ...rest, source: data, out });
  return { pack: prepared.pack, prepared };
}

/** `$XDG_CACHE_HOME/pioneer`, or `~/.cache/pioneer` where that is not set. */
export function defaultCacheDir(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "pioneer");
}

async function cacheName(data: string, options: EnsureOptions): Promise<string> {
  const { resolution, crop = "", labels, limit, count, seed = 0, colour = "auto" } = options;
  const source = await openSource(data, resolution, { labels, count, seed });
  await source.close();
  const key = digestOf([source.kind, source.digest, resolution ?? "", crop, limit ?? "", seed, colour]);
  const name = source.name.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 60);
  return `${name}-${resolution ?? "auto"}-${key.slice(0, 16)}.pack`;
}
