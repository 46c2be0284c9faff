import { type FSWatcher, watch } from "node:fs";

/** Changes come in bursts; so long after the first one looks. */
const burstMs = 100;
/** How often is looked without being told: for folders that the system does not watch, as those of other machines. */
const lookMs = 3000;

/** Calls `look` soon after something changes in folders, and every few seconds in any case; never twice at once. */
export class FolderWatch {
  readonly #look: () => Promise<void>;
  readonly #watchers = new Map<string, FSWatcher>();
  #interval: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #first: Promise<void> | undefined;

  constructor(look: () => Promise<void>) {
    this.#look = look;
  }

  /** @returns when it has looked for the first time */
  start(): Promise<void> {
    this.#interval ??= setInterval(() => this.now(), lookMs);
    this.#first ??= this.#begin();
    return this.#first;
  }

  stop(): void {
    clearInterval(this.#interval);
    clearTimeout(this.#soon);
    this.#interval = undefined;
    this.#soon = undefined;
    this.#first = undefined;
    this.watch([]);
  }

  /** Watches these folders, and no others; none once it is stopped. */
  watch(wanted: readonly string[]): void {
    const folders = this.#interval === undefined ? [] : wanted;
    for (const [folder, watcher] of this.#watchers) {
      if (folders.includes(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#add(folder);
  }

  /** Looks now, or once more when the look that is under way has ended. */
  now(): void {
    if (this.#looking) this.#again = true;
    else void this.#begin();
  }

  #begin(): Promise<void> {
    // What cannot be read now is looked at again in a moment.
    this.#looking ??= this.#look()
      .catch(() => undefined)
      .finally(() => {
        this.#looking = undefined;
        const again = this.#again && this.#interval !== undefined;
        this.#again = false;
        if (again) this.now();
      });
    return this.#looking;
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#changed());
      // A folder that goes, or a system that has no watches left: the interval sees what happens.
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.delete(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      // as above
    }
  }

  #changed(): void {
    if (this.#interval === undefined) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.now();
    }, burstMs);
  }
}
