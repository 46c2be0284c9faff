import { firstLine, ModelError } from "./errors.ts";
import { withoutQuery } from "./fetch.ts";

/** A photo's file from an http, data or blob address. @throws ModelError IMAGE */
export async function fetchPhoto(address: string, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const shown = withoutQuery(address).slice(0, 200);
  try {
    const response = await fetch(address, { ...(signal && { signal }) });
    if (!response.ok) throw new ModelError("IMAGE", `${shown}: the server answered ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    const mend = "is the server running, and does it allow this page (CORS)?";
    throw new ModelError("IMAGE", `${shown} cannot be fetched (${firstLine(error)}): ${mend}`, { cause: error });
  }
}
