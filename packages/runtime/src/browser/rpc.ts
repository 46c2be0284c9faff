// Calls of functions in a worker, by name; answers come in any order.

type Handlers = Record<string, (...args: never[]) => unknown>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly args: unknown[];
}

type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code?: string } };

/** In the worker: answers calls. Arrays in an answer are moved to the page, not copied. */
export function answer(handlers: Handlers): void {
  const page = globalThis as unknown as Worker;
  page.addEventListener("message", ({ data }: MessageEvent<Call>) => {
    const { id, name, args } = data;
    void (async () => {
      try {
        const value = await (handlers[name] as (...all: unknown[]) => unknown)(...args);
        page.postMessage({ id, value } satisfies Answer, buffersOf(value));
      } catch (error) {
        const { message, code } = error as Error & { code?: string };
        page.postMessage({ id, error: { message, ...(code !== undefined && { code }) } } satisfies Answer);
      }
    })();
  });
}

function buffersOf(value: unknown): Transferable[] {
  const parts = ArrayBuffer.isView(value) ? [value] : Object.values(Object(value) as object);
  const buffers = parts.filter((part) => ArrayBuffer.isView(part)).map(({ buffer }) => buffer as ArrayBuffer);
  return [...new Set(buffers)];
}

type Result<F> = F extends (...args: never[]) => infer R ? Promise<Awaited<R>> : never;
type Arguments<F> = F extends (...args: infer A) => unknown ? A : never;

/** A worker whose handlers can be called. */
export class Remote<H> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #last = 0;
  #dead: Error | undefined;

  /** @param onDeath told why, once, if the worker ends by itself */
  constructor(worker: Worker, onDeath?: (error: Error) => void) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const call = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("error" in data) call?.reject(Object.assign(new Error(data.error.message), { code: data.error.code }));
      else call?.resolve(data.value as never);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.end(new Error(`the worker stopped: ${event.message || "its script could not be loaded"}`));
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
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, args } satisfies Call);
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
