import { Zip, ZipPassThrough } from "fflate";

/** What a zip file without extensions can hold, less a little for its own lists. */
const mostBytes = 2 ** 32 - 2 ** 26;

/** A zip file that grows. Files are stored as they are: PNG is compressed already. */
export class Archive {
  /** The browser may keep blobs on disk: a folder of large photos would not fit into memory. */
  readonly #parts: Blob[] = [];
  readonly #zip = new Zip((error, chunk) => {
    if (error) throw error;
    this.#parts.push(new Blob([chunk as Uint8Array<ArrayBuffer>]));
  });
  #size = 0;

  /** @throws Error in one line, once it is full */
  async add(name: string, file: Blob): Promise<void> {
    if (this.#size + file.size > mostBytes) throw new Error("the zip is full at 4 GB: save the others one by one");
    this.#size += file.size;
    const entry = new ZipPassThrough(name);
    this.#zip.add(entry);
    entry.push(new Uint8Array(await file.arrayBuffer()), true);
  }

  /** The whole file; nothing can be added after. */
  end(): Blob {
    this.#zip.end();
    return new Blob(this.#parts, { type: "application/zip" });
  }
}
