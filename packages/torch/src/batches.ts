// Images of a uint8 tensor as batches for training, prepared in the background. See native/services/batches.cc.
import { DisposedError } from "./errors.ts";
import { native } from "./native.ts";
import { Tensor } from "./tensor.ts";

/** What one batch is made of. */
export interface BatchRequest {
  /** Which images, at least one, in this order; one may come several times. */
  readonly indices: Uint32Array;
  /** For each of them: 0 as it is, anything else with left and right exchanged. */
  readonly mirrored: Uint8Array;
  /** Width and height of what comes out; divides that of the images by at most 256. Pixels are means over squares. */
  readonly size: number;
  /** blend · image + (1 - blend) · its half-size version enlarged (2x2 means, each repeated 2x2); 0 to 1. */
  readonly blend: number;
}

/** Ends the threads of loaders that were never disposed of. A safety net: it runs whenever V8 likes. */
const forgotten = new FinalizationRegistry<number>((id) => native.freeBatchLoader(id));

/**
 * Prepares batches of images on a thread of its own, one at a time: begin() returns at once, finish() waits for what is
 * left to do. The thread ends with dispose(), or with the process.
 */
export class BatchLoader implements Disposable {
  #id: number;

  /**
   * @param images   uint8 [count, side, side, channels], 1 or 3 channels, contiguous, on the CPU, for instance a mapped
   *                 file; the loader keeps its memory alive, and reads it at any time until it is disposed of
   * @param options.pinned  batches lie in memory that a GPU can copy from while it computes (needs CUDA)
   * @throws TorchError for any other tensor
   */
  constructor(images: Tensor, { pinned = false }: { pinned?: boolean } = {}) {
    this.#id = native.batchLoader(Tensor.handleOf(images, "images"), pinned);
    forgotten.register(this, this.#id, this);
  }

  /**
   * Starts a batch. One that was begun and not finished is dropped.
   * @throws TorchError if an index, the size or the blend is out of range
   */
  begin({ indices, mirrored, size, blend }: BatchRequest): void {
    native.beginBatch(this.#live(), indices, mirrored, size, blend);
  }

  /**
   * The batch begun last.
   * @returns float32 [indices.length, 3, size, size] in [-1, 1], channels last, on the CPU; one channel becomes three
   * @throws TorchError if none was begun, or what went wrong while it was prepared; the loader can be used again
   */
  finish(): Tensor {
    return Tensor.fromHandle(native.finishBatch(this.#live()));
  }

  /** Ends the thread; a batch in preparation is dropped. */
  dispose(): void {
    if (this.#id === 0) return;
    forgotten.unregister(this);
    native.freeBatchLoader(this.#id);
    this.#id = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #live(): number {
    if (this.#id === 0) throw new DisposedError("the batch loader was disposed of");
    return this.#id;
  }
}
