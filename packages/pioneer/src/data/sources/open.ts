import { open, stat } from "node:fs/promises";
import { ConfigError, DataError } from "../../errors.ts";
import { onDisk } from "../disk.ts";
import { hasPackMagic } from "../pack-format.ts";
import { openFolder } from "./folder.ts";
import { openProceduralFaces, proceduralFaces } from "./procedural.ts";
import type { Source } from "./source.ts";
import { openTar } from "./tar.ts";
import { openZip } from "./zip.ts";

export interface SourceOptions {
  /** A labels CSV; not for procedural sources, which have their own. */
  readonly labels?: string | undefined;
  /** Images to draw, for procedural sources: 10,000 by default. */
  readonly count?: number | undefined;
  /** Of procedural sources: 0 by default. */
  readonly seed?: number | undefined;
}

/**
 * Opens a folder, an archive or a procedural source, whichever it is; archives are recognised by their first bytes.
 * @param source     a path, or "procedural:faces"
 * @param resolution side of the images a procedural source draws; others ignore it
 * @throws DataError if there is no such source or it cannot be read
 */
export async function openSource(source: string, resolution: number, options: SourceOptions = {}): Promise<Source> {
  if (source.startsWith("procedural:")) {
    if (source !== proceduralFaces) throw new DataError(`${source}: unknown; the one there is, is ${proceduralFaces}`);
    if (options.labels !== undefined) throw new DataError(`${source} has labels of its own; leave out --labels`);
    return openProceduralFaces(resolution, options.count, options.seed);
  }
  if (options.count !== undefined) {
    throw new ConfigError(`count: ${source} is not drawn; to use a part of its images, give --limit ${options.count}`);
  }
  const info = await onDisk(source, () => stat(source));
  if (info.isDirectory()) return await openFolder(source, options.labels);
  switch (await recognize(source)) {
    case "zip":
      return await openZip(source, options.labels);
    case "gzip":
      return await openTar(source, true, options.labels);
    case "tar":
      return await openTar(source, false, options.labels);
    case "pack":
      throw new DataError(`${source} is a pack already; give it to train --data`);
    default:
      throw new DataError(`${source}: neither a folder, a tar, tar.gz or zip of images, nor a pack`);
  }
}

async function recognize(path: string): Promise<"zip" | "gzip" | "tar" | "pack" | undefined> {
  return await onDisk(path, async () => {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
      const start = buffer.subarray(0, bytesRead);
      const text = start.toString("latin1");
      if (hasPackMagic(start)) return "pack";
      if (text.startsWith("PK\x03\x04") || text.startsWith("PK\x05\x06")) return "zip";
      if (text.startsWith("\x1f\x8b")) return "gzip";
      // The oldest tars have no mark: their name is trusted.
      return text.startsWith("ustar", 257) || path.endsWith(".tar") ? "tar" : undefined;
    } finally {
      await file.close();
    }
  });
}
