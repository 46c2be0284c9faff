import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ModelError } from "../errors.ts";
import { below, type ReadOptions, readAddress } from "../fetch.ts";

/** A file of a folder on disk (a path or a file: URL), or of an http address. */
export async function readFromFolder(folder: string | URL, file: string, options: ReadOptions) {
  if (/^https?:/i.test(String(folder))) return readAddress(below(String(folder), file), options);
  if (options.request.fetch || options.request.headers) {
    throw new ModelError("OPTION", `headers and fetch are for addresses, and ${folder} is a path: leave them out`);
  }
  const path = join(pathOf(folder), file);
  try {
    const bytes = new Uint8Array(await readFile(path, { signal: options.signal }));
    options.onBytes(bytes.length);
    return bytes;
  } catch (error) {
    options.signal?.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new ModelError("MISSING", `${path} cannot be read (${code}): check its rights and the disk`, {
      cause: error,
    });
  }
}

/** A path, or that of a file: URL. @throws ModelError OPTION */
export function pathOf(url: string | URL): string {
  if (typeof url === "string" && !/^(file:|[a-z][a-z0-9+.-]+:\/\/)/i.test(url)) return url;
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new ModelError(
      "OPTION",
      `${url} is no path of this machine: give a path, file:///path or an address with http`,
      { cause: error },
    );
  }
}
