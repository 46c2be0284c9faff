import {
  cat,
  type Device,
  keep,
  noGrad,
  type RandomGenerator,
  rand,
  scope,
  type Tensor,
  tensor,
  upload,
} from "pioneer-torch";

/**
 * What the pool does with a batch, as rows of [the stored images, then the batch]: whose places in it are known before the
 * images are, so that a step draws nothing.
 */
export interface Trades {
  /** Rows that are handed out, int64 [batch]. */
  readonly returned: Tensor;
  /** Rows that the pool holds afterwards, int64 [count]. */
  readonly stored: Tensor;
}

/**
 * Remembers generated images, so that the encoder also meets older fakes (from CycleGAN). Until it is full every new
 * image is stored and returned; then each is, with probability 1/2, swapped with a random stored one.
 */
export class ImagePool {
  capacity: number;
  /** [count, 3, r, r]; none before the first exchange. */
  images: Tensor | undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get count(): number {
    return this.images?.size(0) ?? 0;
  }

  get isFull(): boolean {
    return this.count >= this.capacity;
  }

  /** Draws what the next exchange of `batch` images does. The trades belong to the pool as it stands now. */
  draw(batch: number, random: RandomGenerator, device: Device = "cpu"): Trades {
    const rows = Array.from({ length: this.count }, (_, row) => row);
    const returned: number[] = [];
    const draws = scope(() => rand([batch, 2], random, 0, 1, "float64").toTypedArray() as Float64Array);
    for (let i = 0; i < batch; i++) {
      const [fresh, swap, place] = [this.count + i, draws[2 * i] as number, draws[2 * i + 1] as number];
      const isFilling = rows.length < this.capacity;
      const slot = isFilling ? rows.length : Math.floor(place * this.capacity);
      returned.push(isFilling || swap < 0.5 ? fresh : (rows[slot] as number));
      if (isFilling || swap >= 0.5) rows[slot] = fresh;
    }
    return { returned: indices(returned, device), stored: indices(rows, device) };
  }

  /** @param fresh [batch, 3, r, r] without a graph @returns as many images, some of them older */
  exchange(fresh: Tensor, { returned, stored }: Trades): Tensor {
    return noGrad(() =>
      scope(() => {
        // Row-major whatever the network's layout, so that a restored pool is the same to the bit.
        const images = fresh.contiguous();
        const all = this.images ? cat([this.images, images]) : images;
        const kept = all.indexSelect(0, stored);
        if (this.images?.size(0) === kept.size(0)) {
          this.images.copy_(kept);
        } else {
          this.images?.dispose();
          this.images = keep(kept);
        }
        return all.indexSelect(0, returned);
      }),
    );
  }

  clear(): void {
    this.images?.dispose();
    this.images = undefined;
  }
}

function indices(rows: readonly number[], device: Device): Tensor {
  return upload(tensor(BigInt64Array.from(rows, BigInt), [rows.length]), device);
}
