import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { makeApp } from "./app.ts";
import { Pool } from "./compute/pool.ts";
import { listen } from "./listen.ts";
import { Library } from "./models/library.ts";
import { isLoopback } from "./safety/hosts.ts";
import { newToken, tokenParameter } from "./safety/token.ts";

/** What `vite build` made of src/page. */
export const pageFolder = fileURLToPath(new URL("../../dist/page", import.meta.url));

export interface StudioOptions {
  /** Model folders, or folders of such. */
  readonly models: readonly string[];
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Somebody chose the port: where it is in use, none is taken instead. */
  readonly portAsked: boolean;
  /** Of the program. */
  readonly version: string;
  /** Jobs computed at once; default one for two cores, at most 4. */
  readonly computers?: number;
  /** Requests that may wait to be computed; default 64. */
  readonly queue?: number;
}

export interface Studio {
  /** The link to the page; on another address than loopback the token is in it. */
  readonly address: string;
  /** What is worth saying beside. */
  readonly notes: readonly string[];
  /** Ends everything that the server does, within 2 s. */
  close(): Promise<void>;
}

/**
 * Starts the server of the page.
 * @throws Error in one line: PORT, or the page is not built
 */
export async function startStudio(options: StudioOptions): Promise<Studio> {
  checkPage();
  const { host, version, queue = 64 } = options;
  const computers = options.computers ?? Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));
  const token = isLoopback(host) ? undefined : newToken();
  const pool = new Pool(computers);
  const library = new Library(options.models);
  const app = await makeApp({ page: pageFolder, version, library, pool, requests: computers + queue, host, token });
  const close = async () => {
    pool.close();
    await app.close();
  };
  try {
    const { port, note } = await listen(app, options);
    return { address: linkTo(host, port, token), notes: note === undefined ? [] : [note], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws Error in one line if it was not built */
export function checkPage(): void {
  if (existsSync(pageFolder)) return;
  throw Object.assign(new Error("the page of pioneer studio is not built yet; run: make build"), { code: "PAGE" });
}

function linkTo(host: string, port: number, token: string | undefined): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}/${token === undefined ? "" : `?${tokenParameter}=${token}`}`;
}
