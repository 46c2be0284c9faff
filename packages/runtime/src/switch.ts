import type { Backend, Session, Sessions } from "./platform.ts";
import { releaseAll } from "./sessions.ts";

/** Sessions that another engine may take over while they are in use. */
export class Switch {
  readonly sessions: Sessions;
  #now: Sessions;
  #backend: Backend;
  readonly #ended = new AbortController();

  constructor(first: Sessions, backend: Backend) {
    this.#now = first;
    this.#backend = backend;
    const parts = Object.keys(first) as (keyof Sessions)[];
    this.sessions = Object.fromEntries(parts.map((part) => [part, this.#session(part)]));
  }

  /** Aborted once the sessions are released. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get backend(): Backend {
    return this.#backend;
  }

  keep(backend: Backend): void {
    this.#backend = backend;
  }

  /** Calls from now on go to other sessions; those before end where they began. */
  replace(sessions: Sessions, backend: Backend): void {
    const before = this.#now;
    const after = this.signal.aborted ? sessions : before;
    if (!this.signal.aborted) [this.#now, this.#backend] = [sessions, backend];
    void releaseAll(after);
  }

  #session(part: keyof Sessions): Session {
    const now = () => this.#now[part] as Session;
    return {
      run: (...call) => now().run(...call),
      release: () => {
        this.#ended.abort();
        return now().release();
      },
    };
  }
}
