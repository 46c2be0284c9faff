// CUDA graphs: a step's kernels recorded once and launched again as one, without the host's time for each of them.
import { DisposedError, TorchError } from "./errors.ts";
import { native } from "./native.ts";
import { empty, upload } from "./ops.ts";
import { keep, scope } from "./scope.ts";
import { type Device, type Tensor, tensor } from "./tensor.ts";

/** Floats that recorded work may take from the host: Adam's rates are two for each parameter and update, some hundreds. */
const mostNumbers = 65_536;
/** What is handed out begins at multiples of this many floats. */
const alignment = 64;

/** What is being recorded, the innermost last. */
const recordings: HostNumbers[] = [];

/**
 * Numbers that change from step to step (Adam's rates), as a float32 tensor on the device. Computed at once; while a graph
 * is recorded, not now but before each of its launches.
 */
export function fromHost(shape: readonly number[], device: Device, compute: () => readonly number[]): Tensor {
  return recordings.at(-1)?.take(shape, compute) ?? upload(tensor(Float32Array.from(compute()), shape), device);
}

/** Whether what is computed now will be launched again, with other numbers from the host. */
export const isRecording = (): boolean => recordings.length > 0;

/**
 * The numbers that recorded work takes from the host. Their place is there before the recording: the memory of a recording is
 * used again and again within it, and what was written there before its launch would be overwritten.
 */
export class HostNumbers {
  readonly #place: Tensor;
  readonly #taken: { readonly at: number; readonly compute: () => readonly number[] }[] = [];
  #used = 0;

  constructor(device: Device) {
    this.#place = keep(empty([mostNumbers], { device }));
  }

  /** Does the work, whose fromHost() are answered by take(). */
  record(work: () => void): void {
    recordings.push(this);
    try {
      work();
    } finally {
      recordings.pop();
    }
  }

  take(shape: readonly number[], compute: () => readonly number[]): Tensor {
    const count = shape.reduce((product, length) => product * length, 1);
    if (this.#used + count > mostNumbers) {
      throw new TorchError(`recorded work may take ${mostNumbers} numbers from the host, not ${this.#used + count}`);
    }
    const at = this.#used;
    this.#taken.push({ at, compute });
    this.#used = Math.ceil((at + count) / alignment) * alignment;
    return scope(() => this.#place.narrow(0, at, count).reshape(shape));
  }

  /** Brings them up to date, in the order they were asked for, by one transfer. */
  refresh(): void {
    const numbers = new Float32Array(this.#used);
    for (const { at, compute } of this.#taken) numbers.set(compute(), at);
    if (this.#used === 0) return;
    scope(() => {
      this.#place
        .narrow(0, 0, this.#used)
        .copy_(upload(tensor(Float32Array.from(numbers), [this.#used]), this.#place.device));
    });
  }

  dispose(): void {
    this.#place.dispose();
  }
}

/** From now on this thread computes on a stream that can be recorded. Before anything lies on the device. */
export const enterGraphStream = (): void => native.enterGraphStream();

/**
 * A recorded piece of work on CUDA. It must launch the same kernels on the same memory each time: what it reads and writes
 * outside are tensors that stay where they are, and nothing in it may wait for the device. Work done some times before is
 * warmed up; tensors made inside keep their place as long as the graph.
 */
export class CudaGraph {
  #id: number;
  readonly #numbers: HostNumbers;

  /** Records; nothing is computed yet. @throws TorchError if something in `work` cannot be recorded, or there is no CUDA */
  constructor(work: () => void) {
    native.prepareGraph();
    this.#numbers = new HostNumbers("cuda");
    this.#id = 0;
    try {
      this.#id = native.beginGraph();
    } catch (error) {
      this.#numbers.dispose();
      throw error;
    }
    const failures: unknown[] = [];
    for (const part of [() => this.#numbers.record(work), () => native.endGraph(this.#id)]) {
      try {
        part();
      } catch (error) {
        failures.push(error);
      }
    }
    // The first is the cause; that the recording cannot be ended follows from it.
    if (failures.length === 0) return;
    this.dispose();
    throw failures[0];
  }

  /** Launches it with the host's present numbers. Does not wait. */
  replay(): void {
    if (this.#id === 0) throw new DisposedError("CudaGraph: used after dispose()");
    this.#numbers.refresh();
    native.replayGraph(this.#id);
  }

  dispose(): void {
    if (this.#id === 0) return;
    native.freeGraph(this.#id);
    this.#numbers.dispose();
    this.#id = 0;
  }
}
