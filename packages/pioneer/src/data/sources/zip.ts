import { buffer } from "node:stream/consumers";
import type yauzl from "yauzl";
import { DataError } from "../../errors.ts";
import { openZipFile } from "../zip-file.ts";
import { type Member, openArchive } from "./archive.ts";
import type { Source } from "./source.ts";

/**
 * The images in a zip, also beyond 4 GiB; read at the wanted places.
 * @param labels path of a CSV; without it labels.csv inside or beside the archive is used
 * @throws DataError if the archive is cut short or damaged, or the labels do not fit
 */
export async function openZip(path: string, labels?: string): Promise<Source> {
  try {
    const zip = await openZipFile(path);
    const members = await listMembers(zip).catch((error: unknown) => {
      zip.close();
      throw error;
    });
    return await openArchive(
      path,
      {
        kind: "zip",
        members,
        read: (member) => readEntry(zip, member.key),
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

function listMembers(zip: yauzl.ZipFile): Promise<Member<yauzl.Entry>[]> {
  return new Promise((resolve, reject) => {
    const members: Member<yauzl.Entry>[] = [];
    zip.on("entry", (entry: yauzl.Entry) => {
      if (!entry.fileName.endsWith("/")) {
        members.push({ name: entry.fileName, bytes: entry.uncompressedSize, key: entry });
      }
      zip.readEntry();
    });
    zip.on("end", () => resolve(members));
    zip.on("error", reject);
    zip.readEntry();
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
