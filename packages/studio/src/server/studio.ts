import { availableParallelism } from "node:os";
import { makeApp } from "./app.ts";
import { checkPage, pageFolder } from "./base/page-folder.ts";
import { Pool } from "./compute/pool.ts";
import { Hub } from "./events/hub.ts";
import { RunEvents } from "./events/run-events.ts";
import { listen } from "./listen.ts";
import { Library } from "./models/library.ts";
import { type AddDirections, TaughtDirections } from "./models/taught.ts";
import { CheckpointExports } from "./runs/export.ts";
import { Program } from "./runs/program.ts";
import { Runs } from "./runs/runs.ts";
import { Starting } from "./runs/starting.ts";
import { Trainer } from "./runs/trainer.ts";
import { isLoopback } from "./safety/hosts.ts";
import { newToken, tokenParameter } from "./safety/token.ts";

export interface StudioOptions {
  /** Model folders, or folders of such. */
  readonly models: readonly string[];
  readonly host: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Somebody chose the port: where it is in use, none is taken instead. */
  readonly portAsked: boolean;
  /** The folder of runs; it need not be there yet. */
  readonly runs: string;
  /** A program and its first arguments, which start `pioneer`. */
  readonly pioneer: readonly string[];
  /** Adds directions to directions.json of a model folder, all or none, or of a copy of it, which then takes its place. */
  readonly addDirections: AddDirections;
  /** Its version. */
  readonly version: string;
  /** A folder for models that are made of checkpoints. */
  readonly cache: string;
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
  const { host } = options;
  const token = isLoopback(host) ? undefined : newToken();
  const parts = makeParts(options);
  const app = await makeApp({ ...parts, page: pageFolder, version: options.version, host, token });
  const close = async () => {
    parts.pool.close();
    parts.hub.close();
    parts.starting.close();
    await Promise.all([parts.program.close(), app.close()]);
  };
  try {
    const { port, note } = await listen(app, options);
    return { address: linkTo(host, port, token), notes: note === undefined ? [] : [note], close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Everything that the server is made of, but for the server. */
function makeParts(options: StudioOptions) {
  const { models, runs: folder, pioneer, addDirections, cache, computers = defaultComputers(), queue = 64 } = options;
  const library = new Library(models);
  const taught = new TaughtDirections(library, addDirections);
  const pool = new Pool(computers);
  const program = new Program(pioneer);
  const hub = new Hub();
  const onChange = () => events.now();
  const starting = new Starting(onChange);
  const runs = new Runs(folder, starting);
  const events = new RunEvents(hub, library, runs);
  const trainer = new Trainer(program, runs, starting);
  const exports = new CheckpointExports(cache, program, runs, library);
  return {
    library,
    taught,
    pool,
    program,
    hub,
    events,
    starting,
    runs,
    trainer,
    exports,
    onChange,
    requests: computers + queue,
  };
}

const defaultComputers = () => Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));

function linkTo(host: string, port: number, token: string | undefined): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}/${token === undefined ? "" : `?${tokenParameter}=${token}`}`;
}
