// Calls of functions in a worker, by name; answers come in any order.

import { ModelError, type ModelErrorCode } from "../errors.ts";

/** What browsers say nothing of. */
const scriptMissing =
  "its script could not be loaded: Vite and webpack 5 put it into the build, other pages need pioneer-runtime.worker.js beside the script";

type Handlers = Record<string, (...args: never[]) => unknown>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: unknown[];
  /** Places of arguments that are functions: what they are called with is sent back while the call lasts. */
  readonly listeners: readonly number[];
}

type Answer =
  | { readonly id: number; readonly listener: number; readonly told: unknown[] }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code?: ModelErrorCode } };

/** In the worker: answers calls. Arrays in an answer are moved to the page, not copied. */
export function answer(handlers: Handlers): void {
  const page = globalThis as unknown as Worker;
  page.addEventListener("message", ({ data }: MessageEvent<Call>) => {
    const { id, name, args, listeners } = data;
    for (const listener of listeners) {
      args[listener] = (...told: unknown[]) => page.postMessage({ id, listener, told } satisfies Answer);
    }
    void (async () => {
      try {
        const value = await (handlers[name] as (...all: unknown[]) => unknown)(...args);
        page.postMessage({ id, value } satisfies Answer, buffersOf(value));
      } catch (error) {
        const { message } = error as Error;
        const code = error instanceof ModelError ? { code: error.code } : undefined;
        page.postMessage({ id, error: { message, ...code } } satisfies Answer);
      }
    })();
  });
}

function buffersOf(value: unknown): Transferable[] {
  const parts = ArrayBuffer.isView(value) ? [value] : Object.values(Object(value) as object);
  const buffers = parts.filter((part) => ArrayBuffer.isView(part)).map(({ buffer }) => buffer as ArrayBuffer);
  return [...new Set(buffers)];
}

const thrown = ({ message, code }: { readonly message: string; readonly code?: ModelErrorCode }): Error =>
  code === undefined ? new Error(message) : new ModelError(code, message);

type Result<F> = F extends (...args: never[]) => infer R ? Promise<Awaited<R>> : never;
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;

interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly args: readonly unknown[];
}

/** A worker whose handlers can be called. */
export class Remote<H> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #dead: Error | undefined;

  /** @param onDeath told why, once, if the worker ends by itself */
  constructor(worker: Worker, onDeath?: (error: Error) => void) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const call = this.#waiting.get(data.id);
      if ("listener" in data) {
        (call?.args[data.listener] as ((...told: unknown[]) => void) | undefined)?.(...data.told);
        return;
      }
      this.#waiting.delete(data.id);
      if ("error" in data) call?.reject(thrown(data.error));
      else call?.resolve(data.value as never);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.end(new ModelError("BACKEND", `the worker stopped: ${event.message || scriptMissing}`));
      onDeath?.(this.#dead as Error);
    });
  }

  call<N extends keyof H & string>(name: N, ...args: Arguments<H[N]>): Result<H[N]> {
    return new Promise((resolve, reject) => {
      if (this.#dead) {
        reject(this.#dead);
        return;
      }
      const id = ++this.#last;
      const listeners = args.flatMap((arg: unknown, i: number) => (typeof arg === "function" ? [i] : []));
      const sent = args.map((arg: unknown) => (typeof arg === "function" ? undefined : arg));
      this.#worker.postMessage({ id, name, args: sent, listeners } satisfies Call);
      // What cannot be sent was thrown.
      this.#waiting.set(id, { resolve, reject, args });
    }) as Result<H[N]>;
  }

  /** Ends the worker; calls that wait are rejected. */
  end(reason: Error = new DOMException("the worker was ended", "AbortError")): void {
    this.#dead ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }
}

/** A worker that is started with its first call, and anew after it ended by itself. */
export function whenNeeded<H>(start: () => Worker): () => Remote<H> {
  let remote: Remote<H> | undefined;
  return () => {
    remote ??= new Remote<H>(start(), () => {
      remote = undefined;
    });
    return remote;
  };
}
