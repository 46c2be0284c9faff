import { latentRow, slerp } from "pioneer-runtime";
import { latentSampler } from "pioneer-runtime/internal";
import type { Saved } from "../state/shelf.ts";

/** What a wall shows: samples of a seed, or neighbours of one picture. */
export interface WallOf {
  readonly seed: number;
  readonly near?: { readonly name: string; readonly latent: Float32Array };
  /** Of neighbours: the way towards a random latent, from 0 (the same) to 1 (any other). */
  readonly radius: number;
}

/** Pictures of a wall, as many as were asked for so far; each stays the same object. */
export class Wall {
  readonly #next: (count: number) => Float32Array;
  readonly #of: WallOf;
  readonly #latent: number;
  readonly #pictures: Saved[] = [];

  constructor(of: WallOf, latent: number) {
    this.#of = of;
    this.#latent = latent;
    this.#next = latentSampler(latent, of.seed);
  }

  pictures(count: number): readonly Saved[] {
    const missing = count - this.#pictures.length;
    if (missing > 0) {
      const more = this.#next(missing);
      for (let i = 0; i < missing; i++) this.#pictures.push(this.#picture(latentRow(more, this.#latent, i)));
    }
    return this.#pictures.slice(0, count);
  }

  /** The one that comes next. @param sample the latent that belongs to its place */
  #picture(sample: Float32Array): Saved {
    const { near, seed, radius } = this.#of;
    const number = this.#pictures.length + 1;
    return near
      ? { name: `like ${near.name}, ${number}`, latent: slerp(near.latent, sample, radius), strengths: {} }
      : { name: `seed ${seed}, ${number}`, latent: sample, strengths: {} };
  }
}
