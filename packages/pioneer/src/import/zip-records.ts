import type yauzl from "yauzl";
import { DataError } from "../base/errors.ts";
import { openZipFile } from "../base/zip-file.ts";

/** Where the bytes of a file in a zip are. */
export interface ZipRecord {
  readonly at: number;
  readonly bytes: number;
  /** CRC-32 of them; 0 where torch.save was told to leave it out. */
  readonly checksum: number;
}

/** A checkpoint has some hundred. */
const maxRecords = 2 ** 16;

/**
 * The files of a zip that torch.save wrote. They are stored as they are: one that is compressed is refused, so that
 * nothing is ever unpacked and no file can be larger than the archive.
 * @throws DataError, without the path: damaged, cut short, or packed by another program
 */
export async function listRecords(path: string): Promise<Map<string, ZipRecord>> {
  let zip: yauzl.ZipFile | undefined;
  try {
    zip = await openZipFile(path);
    const records = new Map<string, ZipRecord>();
    for (const entry of await listEntries(zip)) {
      const { fileName, compressionMethod, compressedSize, uncompressedSize, crc32 } = entry;
      if (compressionMethod !== 0 || compressedSize !== uncompressedSize) {
        throw new DataError(
          `was packed by another program (${shown(fileName)} is compressed): load it and torch.save it`,
        );
      }
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
      records.set(fileName, { at: fileDataStart, bytes: compressedSize, checksum: crc32 });
    }
    return records;
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new DataError(`cannot be read as a zip: ${reason}; it is cut short or damaged, download it again`, {
      cause: error,
    });
  } finally {
    zip?.close();
  }
}

function listEntries(zip: yauzl.ZipFile): Promise<yauzl.Entry[]> {
  if (zip.entryCount > maxRecords) {
    throw new DataError(`is a zip of ${zip.entryCount} files, expected at most ${maxRecords}`);
  }
  return new Promise((resolve, reject) => {
    const entries: yauzl.Entry[] = [];
    zip.on("entry", (entry: yauzl.Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.on("end", () => resolve(entries));
    zip.on("error", reject);
    zip.readEntry();
  });
}

const shown = (name: string) => JSON.stringify(name.slice(0, 60));
