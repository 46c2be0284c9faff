import { Scheduler, sampleLatents } from "pioneer-runtime";
import { joined } from "pioneer-runtime/internal";
import { create } from "zustand";
import { hasServer } from "../api/client.ts";
import { type Engine, type Place, timeEngine } from "../engine/engine.ts";
import type { OpenModel } from "../engine/open-model.ts";
import { pageEngine } from "../engine/page-engine.ts";
import { serverEngine } from "../engine/server-engine.ts";
import { notify, report } from "./notices.ts";

/** What computes, and how fast each could. */
interface Engines {
  readonly active: Engine | undefined;
  /** Where the person wants it; "auto" is the faster. */
  readonly choice: Place | "auto";
  readonly found: Partial<Record<Place, { readonly engine: Engine; readonly ms: number }>>;
  /** Why the page does not compute, where it does not. */
  readonly problem: string | undefined;
}

export const useEngines = create<Engines>(() => ({
  active: undefined,
  choice: "auto",
  found: {},
  problem: undefined,
}));

export const scheduler = new Scheduler();

let generation = 0;

/**
 * Starts a model on the server and in the page. The server answers first, as the page loads ONNX Runtime; once both are
 * timed the faster one computes.
 * @throws if neither can
 */
export async function openEngines(model: OpenModel): Promise<void> {
  const mine = ++generation;
  for (const each of Object.values(useEngines.getState().found)) each.engine.close();
  useEngines.setState({ active: undefined, found: {}, problem: undefined });
  const latent = sampleLatents(1, model.config.latent, 0);
  const add = async (opening: Promise<Engine>) => {
    const engine = await opening;
    const time = async () => {
      const ms = await timeEngine(engine, latent);
      if (mine !== generation) engine.close();
      else
        useEngines.setState((state) => choose({ ...state, found: { ...state.found, [engine.place]: { engine, ms } } }));
    };
    await time();
    const { label } = engine;
    // Where it has ended meanwhile, `onEnd` says so.
    void engine.settled?.then(() => (engine.label === label ? undefined : time())).catch(() => undefined);
  };
  const inPage = add(pageEngine(model, (error) => pageDied(error, model))).catch((error: Error) => {
    if (mine === generation) useEngines.setState({ problem: error.message });
    throw error;
  });
  inPage.catch(() => undefined);
  if (hasServer()) {
    await Promise.any([add(Promise.resolve(serverEngine(model))), inPage]).catch((error: AggregateError) => {
      throw error.errors[1] as Error;
    });
  } else await inPage;
}

/** The faster of those found, or the one that was asked for. */
function choose(state: Engines): Engines {
  const { page, server } = state.found;
  const fastest = page && server ? (page.ms <= server.ms ? page : server) : (page ?? server);
  const wanted = state.choice === "auto" ? undefined : state.found[state.choice];
  return { ...state, active: (wanted ?? fastest)?.engine };
}

export function computeIn(choice: Place | "auto"): void {
  useEngines.setState((state) => choose({ ...state, choice }));
}

/** The server goes on where there is one; else the worker is started again. */
function pageDied(error: Error, model: OpenModel): void {
  const { page: _, ...found } = useEngines.getState().found;
  useEngines.setState((state) => choose({ ...state, found, problem: error.message }));
  if (found.server) notify("problem", `${error.message}; the server computes now`);
  else {
    notify("problem", `${error.message}; it is started again`);
    openEngines(model).catch(report);
  }
}

const engine = (): Engine => {
  const { active } = useEngines.getState();
  // Another model is being opened: whoever asks now asks again when it is there.
  if (!active) throw new DOMException("the model is still being loaded", "AbortError");
  return active;
};

/** So few pictures are computed at once that one that is dragged never waits long. */
const atOnce = 4;

/** Images of latents, after everything that is being dragged. @returns [count, 3, r, r] */
export async function decodeInLine(latents: Float32Array, latent: number, signal?: AbortSignal): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (let at = 0; at < latents.length; at += atOnce * latent) {
    parts.push(await scheduler.inLine(() => engine().decode(latents.slice(at, at + atOnce * latent)), signal));
  }
  return joined(Float32Array, parts);
}

/** The latent of an image, after everything that is being dragged. @param image [3, r, r] */
export const encodeInLine = (image: Float32Array, signal?: AbortSignal): Promise<Float32Array> =>
  scheduler.inLine(() => engine().encode(image), signal);

/** One of a gesture's images: only the newest of a key counts. @returns undefined if a newer one replaced it */
export const decodeNewest = (key: string, latents: Float32Array): Promise<Float32Array | undefined> =>
  scheduler.newest(key, () => engine().decode(latents));

export const decodeNow = (latents: Float32Array): Promise<Float32Array> => engine().decode(latents);
export const encodeNow = (image: Float32Array): Promise<Float32Array> => engine().encode(image);
