// The server's API (src/shared has its types).
import type { ModelList, Problem, Site } from "../../shared/models.ts";

/** Every request that changes something carries this: a form of another site cannot. */
const ours = { "X-Pioneer": "1" };

/**
 * A request, once more after what the server asks to wait when it is busy.
 * @throws Error in the server's words, for one that it refused
 */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(new URL(path, document.baseURI), {
      ...init,
      headers: { ...ours, ...(init.headers as Record<string, string> | undefined) },
    });
  } catch (error) {
    init.signal?.throwIfAborted();
    throw new Error(`the server does not answer: is pioneer studio still running? (${(error as Error).message})`);
  }
  if (response.status === 503) {
    const seconds = Number(response.headers.get("Retry-After") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, 1000 * Math.min(10, seconds)));
    return request(path, init);
  }
  if (!response.ok) throw new Error(await reasonOf(response));
  return response;
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    return (JSON.parse(text) as Problem).error.message;
  } catch {
    // A page or nothing: the status says more.
  }
  return `the server answered ${response.status} ${response.statusText} to ${new URL(response.url).pathname}`;
}

export async function fetchJson(address: string): Promise<unknown> {
  const response = await request(address);
  try {
    return await response.json();
  } catch (error) {
    throw new Error(`${address} is no JSON: ${(error as Error).message}`);
  }
}

/** A body of nothing is {}: the server takes no empty one for JSON. */
export const sendJson = (method: "POST" | "PUT", path: string, body: object): Promise<Response> =>
  request(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

let site: Site | undefined;

/** Who serves this page. */
async function readSite(): Promise<Site> {
  site ??= (await fetchJson("studio.json")) as Site;
  return site;
}

/** Whether there is a server: a page built for a static host computes by itself and watches no runs. */
export const hasServer = (): boolean => site?.server === true;

export async function listModels(): Promise<ModelList> {
  const found = await readSite();
  return found.server ? ((await fetchJson("api/models")) as ModelList) : found.models;
}

/** Address of a model's folder. */
export const folderOf = (id: string): string => new URL(`models/${encodeURIComponent(id)}`, document.baseURI).href;
