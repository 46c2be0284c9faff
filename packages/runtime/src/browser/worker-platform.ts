import { ModelError } from "../errors.ts";
import { fileOrPixels, squareOf } from "../inputs.ts";
import type { Backend, Engine, EngineOptions, OnBytes, Platform, Session, Started } from "../platform.ts";
import { Queue } from "../queue.ts";
import { queuedSession } from "../sessions.ts";
import { addressOf } from "./address.ts";
import { scriptsHere } from "./ort.ts";
import { Remote } from "./rpc.ts";
import type { ModelWorker } from "./worker.ts";

type Worked = Remote<ModelWorker>;

/**
 * The platform of a page, with a worker in which photos are decoded and networks compute. A model has a worker of its
 * own, which ends with it.
 * @param onEnd told if the worker ends by itself
 * @throws ModelError INSTALL if the page may not start workers
 */
export function inWorker(page: Platform, onEnd: ((error: ModelError) => void) | undefined): Platform {
  const remote: Worked = new Remote(startWorker(), (error) => onEnd?.(error as ModelError));
  return {
    ...page,
    async square(photo, face, shape, signal) {
      const source = await fileOrPixels(photo, page, signal);
      // What has to be drawn is an element of this page, which no worker can be given.
      if (!source) return squareOf(page, photo, face, shape, signal);
      return remote.call("square", source, face, shape).catch((error: Error) => {
        if (error.name !== "DataCloneError") throw error;
        throw new ModelError("IMAGE", `an image cannot be sent to the worker: ${error.message}`, { cause: error });
      });
    },
    engine: (options, onBytes) => engineIn(remote, options, onBytes),
    close: () => remote.end(),
  };
}

function startWorker(): Worker {
  // Neither `require` nor a classic script tells where it is from.
  if ((import.meta.url as string | undefined) === undefined) {
    throw new ModelError(
      "INSTALL",
      "worker: true needs the package as a module, beside which its worker lies: import it in a module, or load without worker: true",
    );
  }
  try {
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  } catch (error) {
    const mend = "allow it (Content-Security-Policy: worker-src), or load without worker: true";
    throw new ModelError("INSTALL", `this page may not start workers (${(error as Error).message}): ${mend}`, {
      cause: error,
    });
  }
}

function engineIn(remote: Worked, { signal, wasmPaths, ...options }: EngineOptions, onBytes: OnBytes): Engine {
  // Nothing inside listens to a signal: the whole worker ends.
  const stop = () => remote.end(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  // The worker's own address is another.
  const whole = wasmPaths === undefined ? undefined : addressOf(wasmPaths);
  return {
    fetched: remote.call("fetch", { ...options, wasmPaths: whole, scripts: scriptsHere() }, onBytes),
    async start(graphs, { latent, resolution, onCheck }) {
      let backend: Backend = await remote.call("start", graphs, latent, resolution, onCheck);
      signal?.removeEventListener("abort", stop);
      const queue = new Queue();
      const parts = Object.keys(graphs) as (keyof Started["sessions"])[];
      return {
        sessions: Object.fromEntries(parts.map((part) => [part, sessionIn(remote, part, queue)])),
        backend: () => backend,
        settled: remote.call("settled").then(
          (final) => {
            backend = final;
          },
          // The worker ended meanwhile.
          () => undefined,
        ),
      };
    },
  };
}

function sessionIn(remote: Worked, part: keyof Started["sessions"], queue: Queue): Session {
  return queuedSession(
    queue,
    async (input, shape) => (await remote.call("run", part, input, shape)) as Float32Array,
    // Its memory is freed when the worker ends.
    async () => undefined,
  );
}
