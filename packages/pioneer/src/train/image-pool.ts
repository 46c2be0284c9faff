import { cat, keep, noGrad, type RandomGenerator, rand, scope, type Tensor } from "pioneer-torch";

/**
 * Remembers generated images, so that the encoder also meets older fakes (from CycleGAN). Until it is full every new
 * image is stored and returned; then each is, with probability 1/2, swapped with a random stored one.
 */
export class ImagePool {
  capacity: number;
  /** Stored images [1, 3, r, r]. */
  readonly images: Tensor[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** @param fresh [batch, 3, r, r] without a graph @returns as many images, some of them older */
  exchange(fresh: Tensor, random: RandomGenerator): Tensor {
    const batch = fresh.size(0);
    return noGrad(() =>
      scope(() => {
        // Row-major whatever the network's layout, so that a restored pool is the same to the bit.
        const images = fresh.contiguous();
        const draws = rand([batch, 2], random, 0, 1, "float64").toTypedArray() as Float64Array;
        return cat(
          Array.from({ length: batch }, (_, i) => this.#exchangeOne(images.narrow(0, i, 1), draws.subarray(2 * i))),
        );
      }),
    );
  }

  #exchangeOne(image: Tensor, [swap = 0, place = 0]: Float64Array): Tensor {
    if (this.images.length < this.capacity) {
      this.images.push(keep(image.clone()));
      return image;
    }
    if (swap < 0.5) return image;
    const index = Math.floor(place * this.capacity);
    const older = this.images[index] as Tensor;
    this.images[index] = keep(image.clone());
    const returned = older.clone(); // lives in the scope of exchange()
    older.dispose();
    return returned;
  }

  clear(): void {
    for (const image of this.images) image.dispose();
    this.images.length = 0;
  }
}
