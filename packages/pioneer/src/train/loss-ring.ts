import type { Device } from "pioneer-torch";
import { keep, noGrad, scope, stack, type Tensor, zeros } from "pioneer-torch";
import type { LossTerms } from "../objectives/index.ts";
import type { Losses } from "./events.ts";

/** [losses], float32, on their device; in the order of the object. */
const stackLosses = (losses: LossTerms): Tensor =>
  scope(() => stack(Object.values(losses).map((loss): Tensor => loss.to("float32"))));

/** The losses of a step as numbers: one transfer from the device. */
export function readLosses(losses: LossTerms): Losses {
  const values = scope(() => stackLosses(losses).toFloat32Array());
  return Object.fromEntries(Object.keys(losses).map((name, i) => [name, values[i] as number]));
}

/** A step whose losses have been read. */
export interface ReadStep {
  readonly losses: Losses;
  /** Where the run was after it. */
  readonly step: number;
  readonly images: number;
  readonly batch: number;
}

/** Steps whose losses wait on the device before one transfer brings them all: on the CPU reading costs nothing. */
export const ringSteps = (device: Device): number => (device.startsWith("cuda") ? 16 : 1);

/**
 * Losses on the device, a row for each step, so that no step waits for the device. Whoever wants to rely on the steps so
 * far (a checkpoint, a grid, a status line) reads first.
 */
export class LossRing {
  readonly #steps: number;
  readonly #device: Device;
  /** What a recipe's losses are called shows with the first step. */
  #names: string[] = [];
  #rows: Tensor | undefined;
  readonly #written: Omit<ReadStep, "losses">[] = [];

  constructor(steps: number, device: Device) {
    this.#steps = steps;
    this.#device = device;
  }

  get isFull(): boolean {
    return this.#written.length === this.#steps;
  }

  /** Notes a step. Does not wait for the device. @throws Error if the ring is full: read() comes first */
  write(losses: LossTerms, at: Omit<ReadStep, "losses">): void {
    if (this.isFull) throw new Error("the loss ring is full and was not read");
    this.#names = Object.keys(losses);
    this.#rows ??= keep(zeros([this.#steps, this.#names.length], { device: this.#device }));
    const rows = this.#rows;
    noGrad(() => scope(() => rows.select(0, this.#written.length).copy_(stackLosses(losses))));
    this.#written.push(at);
  }

  /** The steps since the last call, in their order: one transfer, which waits for all of them. */
  read(): ReadStep[] {
    const rows = this.#rows;
    if (!rows || this.#written.length === 0) return [];
    const names = this.#names;
    const values = scope(() => rows.narrow(0, 0, this.#written.length).toFloat32Array());
    const read = this.#written.map((at, row) => ({
      ...at,
      losses: Object.fromEntries(names.map((name, i) => [name, values[row * names.length + i] as number])),
    }));
    this.#written.length = 0;
    return read;
  }

  dispose(): void {
    this.#rows?.dispose();
  }
}
