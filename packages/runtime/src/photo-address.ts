import { firstCause, ModelError } from "./errors.ts";
import { checkAddress, withoutQuery } from "./fetch.ts";

/** A photo's file from an http, data or blob address. @throws ModelError IMAGE */
export async function fetchPhoto(address: string, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const shown = withoutQuery(address).slice(0, 200);
  checkAddress(shown);
  try {
    const response = await fetch(address, { ...(signal && { signal }) });
    if (!response.ok) throw new ModelError("IMAGE", `${shown}: the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    const mend = /^https?:/i.test(shown)
      ? "is the server running, and does it allow this page (CORS)?"
      : "give the bytes of the file, or a Blob";
    throw new ModelError("IMAGE", `${shown} cannot be fetched (${firstCause(error)}): ${mend}`, { cause: error });
  }
}
