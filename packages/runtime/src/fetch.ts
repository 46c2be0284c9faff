import { firstLine, ModelError } from "./errors.ts";
import type { ReadOptions } from "./platform.ts";

/**
 * A file below an http address.
 * @returns undefined where the server says there is none
 */
export async function readAddress(
  folder: string,
  file: string,
  { fresh, signal, onBytes }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const address = `${folder.replace(/\/+$/, "")}/${file}`;
  try {
    const response = await fetch(address, { ...(signal && { signal }), cache: fresh ? "reload" : "default" });
    if (response.status === 404 || response.status === 410) return undefined;
    if (!response.ok) throw new ModelError("MISSING", `${address}: the server answered ${response.status}`);
    return await readBody(response, onBytes);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    const mend = "is the server running, and does it allow this page (CORS)?";
    throw new ModelError("MISSING", `${address} cannot be fetched (${firstLine(error)}): ${mend}`, { cause: error });
  }
}

async function readBody(response: Response, onBytes: (loaded: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (!part?.value) break;
    parts.push(part.value);
    loaded += part.value.length;
    onBytes(loaded);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
