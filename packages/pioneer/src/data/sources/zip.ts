import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import { DataError } from "../../base/errors.ts";
import { shellWord } from "../../base/shell-word.ts";
import { openZipFile } from "../../base/zip-file.ts";
import { NameTable } from "../pack/names.ts";
import { type Links, noteLink, openArchive } from "./archive.ts";
import { classify, type Source } from "./source.ts";

/**
 * The images in a zip, also beyond 4 GiB; read at the wanted places.
 * @param labels path of a CSV; without it labels.csv inside or beside the archive is used
 * @throws DataError if the archive is cut short or damaged, or the labels do not fit
 */
export async function openZip(path: string, labels?: string): Promise<Source> {
  try {
    const zip = await openZipFile(path, { rawNames: true });
    const listing = await listMembers(path, zip).catch((error: unknown) => {
      zip.close();
      throw error;
    });
    return await openArchive(
      path,
      {
        kind: "zip",
        names: listing.names,
        bytes: listing.bytes,
        links: listing.links,
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
  /** CRC-32 of the contents, unpacked. */
  readonly checksums: number[];
  readonly flags: number[];
  readonly links: Links;
}

/** Methods that yauzl unpacks; what others are called that programs write. */
const storedOrDeflated = [0, 8];
const methodNames: Readonly<Record<number, string>> = {
  9: "Deflate64",
  12: "bzip2",
  14: "LZMA",
  93: "Zstandard",
  95: "xz",
};

/** A member may be encrypted, or packed in a way that only some programs know. @throws DataError with the mend */
function checkReadable(path: string, name: string, { compressionMethod, generalPurposeBitFlag }: yauzl.Entry): void {
  const unpack = `unpack it with \`7z x ${shellWord(path)}\` and give the folder`;
  if ((generalPurposeBitFlag & 1) === 1) throw new DataError(`${path} is encrypted (${name}): ${unpack}`);
  if (storedOrDeflated.includes(compressionMethod)) return;
  const method = methodNames[compressionMethod] ?? `method ${compressionMethod}`;
  throw new DataError(`${path} is packed with ${method} (${name}), which is not read: ${unpack}`);
}

/** Whether an entry is a symbolic link, as programs of Unix note it. */
const isLink = ({ externalFileAttributes }: yauzl.Entry) => ((externalFileAttributes >>> 16) & 0o170000) === 0o120000;

/** Zips of other programs have "/a/b", "./a/b", "C:\\a\\b" for "a/b". @throws Error for a name that leads out of the zip */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: yauzl.Entry): string {
  const name = yauzl.getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
  const tidy = name.replace(/^[a-z]:/i, "").replace(/^(?:\.?\/)+/, "");
  const fault = yauzl.validateFileName(tidy);
  if (fault !== null) throw new Error(fault);
  return tidy;
}

function listMembers(path: string, zip: yauzl.ZipFile): Promise<Listing> {
  return new Promise((resolve, reject) => {
    const listing: Listing = {
      names: new NameTable(),
      bytes: [],
      packedBytes: [],
      offsets: [],
      methods: [],
      checksums: [],
      flags: [],
      links: { count: 0, first: "" },
    };
    zip.on("entry", (entry: yauzl.Entry) => {
      try {
        addMember(path, listing, entry);
      } catch (error) {
        reject(error);
        return;
      }
      zip.readEntry();
    });
    zip.on("end", () => resolve(listing));
    zip.on("error", reject);
    zip.readEntry();
  });
}

function addMember(path: string, listing: Listing, entry: yauzl.Entry): void {
  const name = nameOf(entry);
  if (isLink(entry)) {
    noteLink(listing.links, name);
    return;
  }
  if (name === "" || name.endsWith("/")) return;
  if (classify(name) === "image") checkReadable(path, name, entry);
  listing.names.push(name);
  listing.bytes.push(entry.uncompressedSize);
  listing.packedBytes.push(entry.compressedSize);
  listing.offsets.push(entry.relativeOffsetOfLocalHeader);
  listing.methods.push(entry.compressionMethod);
  listing.checksums.push(entry.crc32);
  listing.flags.push(entry.generalPurposeBitFlag);
}

/** What yauzl needs of an entry to read it; a whole one takes a kilobyte, and there may be millions. */
function entryOf({ bytes, packedBytes, offsets, methods, flags, checksums }: Listing, member: number): yauzl.Entry {
  return Object.assign(new yauzl.Entry(), {
    uncompressedSize: bytes[member],
    compressedSize: packedBytes[member],
    relativeOffsetOfLocalHeader: offsets[member],
    compressionMethod: methods[member],
    crc32: checksums[member],
    generalPurposeBitFlag: flags[member],
  });
}

async function readEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Buffer> {
  const stream = await zip.openReadStreamPromise(entry);
  // Into one piece: parts that are joined later take twice the memory.
  const content = Buffer.alloc(entry.uncompressedSize);
  let at = 0;
  for await (const part of stream as AsyncIterable<Buffer>) at += part.copy(content, at);
  if (crc32(content) !== entry.crc32) {
    throw new DataError("is damaged: its checksum (CRC-32) is not the one in the archive");
  }
  return content;
}
