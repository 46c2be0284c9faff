import { ModelError } from "./errors.ts";
import { kindOf } from "./realm.ts";

/** How to make an image of what programs have at hand. */
const mends: Readonly<Record<string, string>> = {
  DataTransferItem: "give item.getAsFile()",
  FileList: "give [...files]",
  FileSystemFileHandle: "give await handle.getFile()",
  Promise: "await it",
  ReadableStream: "give await new Response(stream).blob()",
  Request: "give its url",
  Response: "give await response.blob()",
};

/** @param known in words what is an image here */
export function noImage(value: unknown, known: string): ModelError {
  const kind = kindOf(value);
  return new ModelError("IMAGE", `${kind} is no image: ${mends[kind] ?? `give ${known}`}`);
}
