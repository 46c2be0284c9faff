import { firstCause, ModelError } from "./errors.ts";
import { joined } from "./joined.ts";
import { kindOf } from "./realm.ts";

/** How files of an address are asked for. */
export interface RequestOptions {
  /** Sent with each request for a file of the model. */
  readonly headers?: Readonly<Record<string, string>> | Headers;
  /** Instead of the global one: to sign each address, to send it elsewhere, to add credentials. */
  readonly fetch?: (address: string, init: RequestInit) => Promise<Response>;
}

/** How a file of a folder or an address is read. */
export interface ReadOptions {
  /** Not from the browser's cache. */
  readonly fresh: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (loaded: number) => void;
  /** Of an address. */
  readonly request: RequestOptions;
}

/** An address as messages show it: what follows the question mark may be a signature. */
export const withoutQuery = (address: string | URL): string => String(address).replace(/[?#].*$/s, "");

/** A file's address below that of a folder, whose query it keeps. */
export function below(folder: string, file: string): string {
  const path = withoutQuery(folder);
  return `${path.replace(/\/+$/, "")}/${file}${folder.slice(path.length).replace(/#.*$/s, "")}`;
}

/**
 * A file at an http address.
 * @returns undefined where the server says there is none
 */
export async function readAddress(
  address: string,
  { fresh, signal, onBytes, request }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const shown = withoutQuery(address);
  checkAddress(shown);
  // Called with no receiver: the browser's own refuses any other.
  const ask = (request.fetch ?? globalThis.fetch) as typeof fetch | undefined;
  if (!ask) {
    const mend =
      'in jest, begin the test file with /** @jest-environment FILE */, with the environment of the README, "Where it runs"';
    throw new ModelError("INSTALL", `this page has no fetch, as jsdom has none: ${mend}`);
  }
  const init: RequestInit = {
    ...(signal && { signal }),
    ...(request.headers !== undefined && { headers: headersOf(request.headers) }),
    cache: fresh ? "reload" : "default",
  };
  let response: Response | undefined;
  try {
    response = await ask(address, init);
    if (typeof (response as Response | undefined)?.status !== "number") {
      throw new ModelError("OPTION", `fetch: expected a function that gives a Response, got ${kindOf(response)} of it`);
    }
    if (response.status === 404 || response.status === 410) return undefined;
    if (!response.ok) {
      const mend = [401, 403].includes(response.status) ? ": give what it asks for by the option headers or fetch" : "";
      throw new ModelError("MISSING", `${shown}: the server answered ${response.status}${mend}`);
    }
    return await readBody(response, onBytes);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ModelError) throw error;
    const why = firstCause(error);
    if (response)
      throw new ModelError("MISSING", `${shown} came only in part (${why}): load it again`, { cause: error });
    const mend = shown.startsWith("file:")
      ? "a page that was opened from a file reads no other files; serve its folder (python3 -m http.server)"
      : "is the server running, and does it allow this page (CORS)?";
    throw new ModelError("MISSING", `${shown} cannot be fetched (${why}): ${mend}`, { cause: error });
  }
}

/** @throws ModelError OPTION for an address with a password, which no fetch takes and no message may show */
export function checkAddress(address: string): void {
  const [, start, rest] = /^([a-z]+:\/\/)[^/]*@(.*)$/is.exec(address) ?? [];
  if (start === undefined) return;
  const mend = "leave them out, and send them by the option headers (authorization)";
  throw new ModelError("OPTION", `${start}${rest}: an address may not have a name and a password in it: ${mend}`);
}

function headersOf(headers: NonNullable<RequestOptions["headers"]>): Headers {
  try {
    return new Headers(headers as Headers);
  } catch {
    // The reason would show what is secret.
    const mend = "a name or a value has letters that cannot be sent, such as a line break";
    throw new ModelError("OPTION", `headers: expected {name: value} or Headers: ${mend}`);
  }
}

/** The bytes of a body; those of a .gz file that the server did not say to be compressed are decompressed here. */
async function readBody(response: Response, onBytes: (loaded: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let loaded = 0;
  const keep = (part: Uint8Array) => {
    parts.push(part);
    loaded += part.length;
    onBytes(loaded);
  };
  const reader = response.body?.getReader();
  const first = (await reader?.read())?.value;
  if (reader && first) {
    const rest = remaining(first, reader);
    const isGzip = first[0] === 0x1f && first[1] === 0x8b;
    for await (const part of chunks(isGzip ? rest.pipeThrough(new DecompressionStream("gzip")) : rest)) keep(part);
  }
  return joined(Uint8Array, parts);
}

type Bytes = Uint8Array<ArrayBuffer>;

function remaining(first: Bytes, reader: ReadableStreamDefaultReader<Bytes>): ReadableStream<Bytes> {
  return new ReadableStream({
    start: (stream) => stream.enqueue(first),
    async pull(stream) {
      const { value } = await reader.read();
      if (value) stream.enqueue(value);
      else stream.close();
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** What a stream gives; Safari's cannot be iterated. */
async function* chunks(stream: ReadableStream<Bytes>): AsyncGenerator<Bytes> {
  const reader = stream.getReader();
  for (let part = await reader.read(); part.value; part = await reader.read()) yield part.value;
}
