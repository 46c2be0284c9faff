import type { Colour } from "pioneer-runtime";
import {
  avgPool2d,
  cat,
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
import { DataError } from "../errors.ts";
import { type Growth, resolutionOf } from "../networks/growth.ts";
import { stream } from "../train/streams.ts";
import type { Pack } from "./pack.ts";

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
  readonly #pixels: PackPixels;
  readonly #images: Uint32Array;
  readonly #options: BatchOptions;
  #epoch: { index: number; order: Uint32Array; mirrored: Uint8Array } | undefined;

  /** @param images indices into the pack that training may see @throws DataError if there are none */
  constructor(pack: Pack, images: Uint32Array, options: BatchOptions) {
    if (images.length === 0)
      throw new DataError(
        `${pack.path} has no images in the split "train": prepare it again with a labels.csv that names some`,
      );
    this.#pixels = new PackPixels(pack);
    this.#images = images;
    this.#options = options;
  }

  /**
   * @param drawn how many images were drawn before
   * @returns [size, 3, r, r] in [-1, 1], float32; faded like the networks: alpha · x_r + (1 - alpha) · x_{r/2} enlarged
   */
  at(drawn: number, size: number, growth: Growth): Tensor {
    const chosen = new Uint32Array(size);
    const mirrored = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      const epoch = this.#epochOf(Math.floor((drawn + i) / this.#images.length));
      const place = (drawn + i) % this.#images.length;
      chosen[i] = this.#images[epoch.order[place] as number] as number;
      mirrored[i] = epoch.mirrored[place] as number;
    }
    return noGrad(() =>
      scope(() => {
        const x = mirror(this.#pixels.images(chosen, growth.phase), mirrored).to(this.#options.device);
        return fade(x, growth);
      }),
    );
  }

  #epochOf(index: number): { order: Uint32Array; mirrored: Uint8Array } {
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
        return {
          index,
          order: Uint32Array.from(order),
          mirrored: Uint8Array.from(draws, (draw) => (draw < 0.5 ? 1 : 0)),
        };
      });
    }
    return this.#epoch as { order: Uint32Array; mirrored: Uint8Array };
  }

  dispose(): void {
    this.#pixels.dispose();
  }
}

/** A pack's pixels, mapped into memory. */
export class PackPixels {
  readonly #pack: Pack;
  /** [count, R, R, channels], uint8. */
  readonly #pixels: Tensor;

  constructor(pack: Pack) {
    this.#pack = pack;
    const { count, resolution, channels, pixelOffset, imageBytes } = pack;
    const bytes = count * imageBytes;
    this.#pixels = scope(() =>
      keep(
        fromFile(pack.path, pixelOffset + bytes)
          .narrow(0, pixelOffset, bytes)
          .reshape([count, resolution, resolution, channels]),
      ),
    );
  }

  get colour(): Colour {
    return this.#pack.colour;
  }

  /**
   * Images at the resolution of a phase, as 2x2 means of the pack's.
   * @returns [indices.length, 3, r, r] in [-1, 1], float32, on the CPU
   */
  images(indices: ArrayLike<number>, phase: number): Tensor {
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

function mirror(x: Tensor, mirrored: Uint8Array): Tensor {
  const flipped = x.flip([3]);
  return cat(Array.from(mirrored, (flag, i) => (flag ? flipped : x).narrow(0, i, 1)));
}

/** While a block fades in, the images do too. @param x [batch, 3, r, r] */
export function fade(x: Tensor, { phase, alpha }: Growth): Tensor {
  if (phase === 0 || alpha >= 1) return x;
  return scope(() => upsampleNearest(avgPool2d(x)).lerp(x, alpha));
}
