// CUDA graphs: a step's kernels recorded once and launched again as one, without the host's time for each of them.
import { DisposedError } from "./errors.ts";
import { native } from "./native.ts";
import { empty, pinMemory } from "./ops.ts";
import { keep, scope } from "./scope.ts";
import { type Device, type Tensor, tensor } from "./tensor.ts";

/** Numbers a kernel reads on the device, and how the host finds them for the next launch. */
interface HostNumbers {
  readonly held: Tensor;
  readonly compute: () => readonly number[];
}

let recorded: HostNumbers[] | undefined;

/**
 * Numbers that change from step to step (Adam's rates), as a float32 tensor on the device. Computed at once; while a graph
 * is recorded, not now but before each of its launches.
 */
export function fromHost(shape: readonly number[], device: Device, compute: () => readonly number[]): Tensor {
  if (!recorded) return sent(compute(), shape, device);
  const held = keep(empty(shape, { device }));
  recorded.push({ held, compute });
  return held;
}

function sent(numbers: readonly number[], shape: readonly number[], device: Device): Tensor {
  const drawn = tensor(Float32Array.from(numbers), shape);
  return device.startsWith("cuda") ? pinMemory(drawn).to(device, { nonBlocking: true }) : drawn.to(device);
}

/** @returns what brings the numbers that `work` took from the host up to date, in the order it asked for them */
export function recordHostNumbers(work: () => void): { refresh(): void; dispose(): void } {
  const found: HostNumbers[] = [];
  recorded = found;
  try {
    work();
  } finally {
    recorded = undefined;
  }
  return {
    refresh: () =>
      scope(() => {
        for (const { held, compute } of found) held.copy_(sent(compute(), held.shape, held.device));
      }),
    dispose() {
      for (const { held } of found) held.dispose();
    },
  };
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
  readonly #numbers: ReturnType<typeof recordHostNumbers>;

  /** Records; nothing is computed yet. @throws TorchError if something in `work` cannot be recorded, or there is no CUDA */
  constructor(work: () => void) {
    const id = native.beginGraph();
    try {
      this.#numbers = recordHostNumbers(() => {
        try {
          work();
        } finally {
          native.endGraph(id);
        }
      });
    } catch (error) {
      native.freeGraph(id);
      throw error;
    }
    this.#id = id;
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
