import { isDeepStrictEqual } from "node:util";
import type { Colour } from "pioneer-runtime";
import {
  avgPool2d,
  BatchLoader,
  type Device,
  fromFile,
  keep,
  noGrad,
  operator,
  rand,
  scope,
  type Tensor,
  tensor,
  upsampleNearest,
} from "pioneer-torch";
import { DataError } from "../base/errors.ts";
import { stream } from "../compute/streams.ts";
import { type Growth, resolutionOf } from "../networks/growth.ts";
import type { Pack } from "./pack/pack.ts";
import { checkPixels } from "./pack/pixel-check.ts";

const randperm = operator<[number, number], Tensor>("aten::randperm.generator");

export interface BatchOptions {
  readonly seed: number;
  /** Mirror every image with probability 1/2. */
  readonly mirror: boolean;
  readonly device: Device;
}

/**
 * Training images of a pack, shuffled anew each epoch. Which images a batch holds depends on the seed and on how many
 * were drawn before, and on nothing else, so a resumed run sees what it would have seen.
 */
export class Batches {
  readonly #pack: Pack;
  readonly #images: Uint32Array;
  readonly #options: BatchOptions;
  readonly #loader: BatchLoader;
  #epoch: Epoch | undefined;
  /** The batch that the loader has begun. */
  #begun: Place | undefined;
  /** Batches that were ready when they were asked for, and others. */
  readonly counts = { prepared: 0, afresh: 0 };

  /** @param images indices into the pack that training may see @throws DataError if there are none */
  constructor(pack: Pack, images: Uint32Array, options: BatchOptions) {
    if (images.length === 0)
      throw new DataError(
        `${pack.path} has no images in the split "train": prepare it again with a labels.csv that names some`,
      );
    this.#loader = scope(() => new BatchLoader(mapPixels(pack), { pinned: options.device !== "cpu" }));
    this.#pack = pack;
    this.#images = images;
    this.#options = options;
  }

  /**
   * @param drawn how many images were drawn before
   * @returns [size, 3, r, r] in [-1, 1], float32, channels last; faded like the networks:
   *          alpha · x_r + (1 - alpha) · x_{r/2} enlarged
   */
  at(drawn: number, size: number, growth: Growth): Tensor {
    const place = placeOf(drawn, size, growth);
    const isPrepared = isDeepStrictEqual(place, this.#begun);
    this.counts[isPrepared ? "prepared" : "afresh"]++;
    if (!isPrepared) this.#begin(place);
    this.#begun = undefined;
    const x = this.#loader.finish();
    return this.#options.device === "cpu" ? x : x.to(this.#options.device, { nonBlocking: true });
  }

  /** Begins the batch that `at` will be asked for next, in the background. Any other one is then made when it is asked for. */
  prepare(drawn: number, size: number, growth: Growth): void {
    this.#begin(placeOf(drawn, size, growth));
  }

  /** Which images of the pack a batch holds, and which of them mirrored. */
  chosen(drawn: number, size: number): { indices: Uint32Array; mirrored: Uint8Array } {
    const indices = new Uint32Array(size);
    const mirrored = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      const epoch = this.#epochOf(Math.floor((drawn + i) / this.#images.length));
      const at = (drawn + i) % this.#images.length;
      indices[i] = this.#images[epoch.order[at] as number] as number;
      mirrored[i] = epoch.mirrored[at] as number;
    }
    return { indices, mirrored };
  }

  #begin(place: Place): void {
    const { drawn, size, resolution, blend } = place;
    const chosen = this.chosen(drawn, size);
    checkPixels(this.#pack, chosen.indices);
    this.#loader.begin({ ...chosen, size: resolution, blend });
    this.#begun = place;
  }

  #epochOf(index: number): Epoch {
    if (this.#epoch?.index !== index) {
      const { seed, mirror } = this.#options;
      const count = this.#images.length;
      this.#epoch = scope(() => {
        const order = randperm(count, stream(seed, "order", index).handle)
          .to("int32")
          .toTypedArray() as Int32Array;
        const draws = mirror
          ? rand([count], stream(seed, "mirror", index)).toFloat32Array()
          : new Float32Array(count).fill(1);
        return { index, order, mirrored: Uint8Array.from(draws, (draw) => (draw < 0.5 ? 1 : 0)) };
      });
    }
    return this.#epoch as Epoch;
  }

  dispose(): void {
    this.#loader.dispose();
  }
}

/** The order of the training images in one epoch, and which of them are mirrored. */
interface Epoch {
  readonly index: number;
  readonly order: Int32Array;
  readonly mirrored: Uint8Array;
}

/** What decides about every value of a batch. */
interface Place {
  readonly drawn: number;
  readonly size: number;
  readonly resolution: number;
  readonly blend: number;
}

const placeOf = (drawn: number, size: number, { phase, alpha }: Growth): Place => ({
  drawn,
  size,
  resolution: resolutionOf(phase),
  blend: phase === 0 ? 1 : Math.min(1, alpha),
});

/** @returns [count, R, R, channels], uint8, mapped into memory */
function mapPixels({ path, count, resolution, channels, pixelOffset, imageBytes }: Pack): Tensor {
  const bytes = count * imageBytes;
  return scope(() =>
    fromFile(path, pixelOffset + bytes)
      .narrow(0, pixelOffset, bytes)
      .reshape([count, resolution, resolution, channels]),
  );
}

/** A pack's pixels, mapped into memory, for single images. */
export class PackPixels {
  readonly #pack: Pack;
  /** [count, R, R, channels], uint8. */
  readonly #pixels: Tensor;

  constructor(pack: Pack) {
    this.#pack = pack;
    this.#pixels = scope(() => keep(mapPixels(pack)));
  }

  get colour(): Colour {
    return this.#pack.colour;
  }

  /**
   * Images at the resolution of a phase, as 2x2 means of the pack's.
   * @returns [indices.length, 3, r, r] in [-1, 1], float32, on the CPU
   */
  images(indices: ArrayLike<number>, phase: number): Tensor {
    checkPixels(this.#pack, indices);
    return noGrad(() =>
      scope(() => {
        const rows = this.#pixels.indexSelect(0, tensor(Int32Array.from(indices)));
        const x = rows.permute([0, 3, 1, 2]).to("float32");
        const factor = this.#pack.resolution / resolutionOf(phase);
        const small = factor > 1 ? avgPool2d(x, factor) : x;
        const scaled = small.div(127.5).sub(1);
        // Row-major, so that what follows does not depend on how the pack lies on disk.
        return (this.#pack.channels === 1 ? scaled.expand([-1, 3, -1, -1]) : scaled).contiguous();
      }),
    );
  }

  dispose(): void {
    this.#pixels.dispose();
  }
}

/** While a block fades in, the images do too. @param x [batch, 3, r, r] */
export function fade(x: Tensor, { phase, alpha }: Growth): Tensor {
  if (phase === 0 || alpha >= 1) return x;
  return scope(() => upsampleNearest(avgPool2d(x)).lerp(x, alpha));
}
