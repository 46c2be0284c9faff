import { buffer } from "node:stream/consumers";
import yauzl from "yauzl";
import { DataError } from "../../base/errors.ts";
import { openZipFile } from "../../base/zip-file.ts";
import { NameTable } from "../pack/names.ts";
import { openArchive } from "./archive.ts";
import type { Source } from "./source.ts";

/**
 * The images in a zip, also beyond 4 GiB; read at the wanted places.
 * @param labels path of a CSV; without it labels.csv inside or beside the archive is used
 * @throws DataError if the archive is cut short or damaged, or the labels do not fit
 */
export async function openZip(path: string, labels?: string): Promise<Source> {
  try {
    const zip = await openZipFile(path);
    const listing = await listMembers(zip).catch((error: unknown) => {
      zip.close();
      throw error;
    });
    return await openArchive(
      path,
      {
        kind: "zip",
        names: listing.names,
        bytes: listing.bytes,
        read: (member) => readEntry(zip, entryOf(listing, member)),
        close: async () => zip.close(),
      },
      labels,
    );
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`${path}: cannot be read as a zip archive: ${reason}; download or make it again`, {
      cause: error,
    });
  }
}

/** The files of a zip, column by column: what their contents are found and unpacked by. */
interface Listing {
  readonly names: NameTable;
  readonly bytes: number[];
  readonly packedBytes: number[];
  readonly offsets: number[];
  readonly methods: number[];
  readonly flags: number[];
}

function listMembers(zip: yauzl.ZipFile): Promise<Listing> {
  return new Promise((resolve, reject) => {
    const listing: Listing = {
      names: new NameTable(),
      bytes: [],
      packedBytes: [],
      offsets: [],
      methods: [],
      flags: [],
    };
    zip.on("entry", (entry: yauzl.Entry) => {
      if (!entry.fileName.endsWith("/")) {
        listing.names.push(entry.fileName);
        listing.bytes.push(entry.uncompressedSize);
        listing.packedBytes.push(entry.compressedSize);
        listing.offsets.push(entry.relativeOffsetOfLocalHeader);
        listing.methods.push(entry.compressionMethod);
        listing.flags.push(entry.generalPurposeBitFlag);
      }
      zip.readEntry();
    });
    zip.on("end", () => resolve(listing));
    zip.on("error", reject);
    zip.readEntry();
  });
}

/** What yauzl needs of an entry to read it; a whole one takes a kilobyte, and there may be millions. */
function entryOf({ bytes, packedBytes, offsets, methods, flags }: Listing, member: number): yauzl.Entry {
  return Object.assign(new yauzl.Entry(), {
    uncompressedSize: bytes[member],
    compressedSize: packedBytes[member],
    relativeOffsetOfLocalHeader: offsets[member],
    compressionMethod: methods[member],
    generalPurposeBitFlag: flags[member],
  });
}

function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) reject(error);
      else buffer(stream).then(resolve, reject);
    });
  });
}
