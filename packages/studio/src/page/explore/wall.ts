import { latentRow, latentSampler, slerp } from "pioneer-runtime";

/** What a wall shows: samples of a seed, or neighbours of one picture. */
export interface WallOf {
  readonly seed: number;
  readonly near?: { readonly name: string; readonly latent: Float32Array };
  /** Of neighbours: the way towards a random latent, from 0 (the same) to 1 (any other). */
  readonly radius: number;
}

/** Latents of a wall, as many as were asked for so far; each stays the same array. */
export class Wall {
  readonly #next: (count: number) => Float32Array;
  readonly #of: WallOf;
  readonly #latent: number;
  readonly #rows: Float32Array[] = [];

  constructor(of: WallOf, latent: number) {
    this.#of = of;
    this.#latent = latent;
    this.#next = latentSampler(latent, of.seed);
  }

  rows(count: number): readonly Float32Array[] {
    const missing = count - this.#rows.length;
    if (missing > 0) {
      const more = this.#next(missing);
      const { near, radius } = this.#of;
      for (let i = 0; i < missing; i++) {
        const row = latentRow(more, this.#latent, i);
        this.#rows.push(near ? slerp(near.latent, row, radius) : row);
      }
    }
    return this.#rows.slice(0, count);
  }

  nameOf(index: number): string {
    const { near, seed } = this.#of;
    return near ? `like ${near.name}, ${index + 1}` : `seed ${seed}, ${index + 1}`;
  }
}
