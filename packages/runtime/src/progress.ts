import type { LoadProgress } from "./load-options.ts";

/** Bytes of several files that are read side by side; what is told never goes back. */
export class Progress {
  readonly #files = new Map<string, { loaded: number; total: number }>();
  readonly #tell: ((progress: LoadProgress) => void) | undefined;
  #told = 0;

  constructor(tell: ((progress: LoadProgress) => void) | undefined) {
    this.#tell = tell;
  }

  /** @param total as far as it is known; a file that turns out longer corrects it */
  read(file: string, loaded: number, total: number): void {
    this.#files.set(file, { loaded, total: Math.max(loaded, total) });
    this.#tell?.({ stage: "read", file, ...this.#sums() });
  }

  stage(stage: "start" | "check"): void {
    this.#tell?.({ stage, ...this.#sums() });
  }

  #sums(): { loaded: number; total: number } {
    const files = [...this.#files.values()];
    const total = files.reduce((sum, file) => sum + file.total, 0);
    const loaded = files.reduce((sum, file) => sum + file.loaded, 0);
    this.#told = Math.min(total, Math.max(this.#told, loaded));
    return { loaded: this.#told, total };
  }
}
