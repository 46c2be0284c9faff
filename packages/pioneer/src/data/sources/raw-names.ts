// Names of files as bytes: on Linux a name is any bytes, and old archives unpack to names that are not UTF-8. Such a
// file is read by its bytes and shown with \xHH for those that are no text.
import { isUtf8 } from "node:buffer";
import { join } from "node:path";

/** A path as the system takes it: bytes where it is not UTF-8. */
export type DiskPath = string | Buffer;

/** What a decoder puts where bytes are no text; a name may also hold it of its own. */
export const replacement = "\uFFFD";

/** A name given by its bytes in latin1, which loses none. @returns text where the bytes are UTF-8 */
export function nameOfBytes(latin1: string): DiskPath {
  const bytes = Buffer.from(latin1, "latin1");
  return isUtf8(bytes) ? bytes.toString() : bytes;
}

/** A name that is not UTF-8 as text: "caf\xE9.jpg". Different bytes are different texts. */
export function showBytes(bytes: Buffer): string {
  let shown = "";
  for (let at = 0; at < bytes.length; ) {
    const isText = (length: number) => at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length));
    const length = bytes[at] === 0x5c ? undefined : [1, 2, 3, 4].find(isText);
    if (length === undefined) shown += `\\x${bytes.toString("hex", at, at + 1).toUpperCase()}`;
    else shown += bytes.toString("utf8", at, at + length);
    at += length ?? 1;
  }
  return shown;
}

/** A file or folder in a folder. */
export function pathIn(folder: DiskPath, name: DiskPath): DiskPath {
  if (typeof folder === "string" && typeof name === "string") return join(folder, name);
  return Buffer.concat([Buffer.from(folder), Buffer.from("/"), Buffer.from(name)]);
}
