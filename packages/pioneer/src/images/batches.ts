import type { Model } from "pioneer-runtime/internal";
import { asByte } from "../pictures/grid.ts";

/** Images or latents that pass through the networks at once: enough to keep them busy, and small in memory. */
const atOnce = ({ resolution }: Model) => Math.max(1, Math.min(32, 2 ** 19 / resolution ** 2));

/** @param images [n, 3, r, r] in [-1, 1] @returns latents [n, latent] */
export function encodeAll(model: Model, images: Float32Array): Promise<Float32Array> {
  return inBatches(images, atOnce(model), imageSize(model), model.latent, (part, count) => model.encode(part, count));
}

/** @param latents [n, latent] @returns images [n, 3, r, r], not clamped */
export function decodeAll(model: Model, latents: Float32Array): Promise<Float32Array> {
  return inBatches(latents, atOnce(model), model.latent, imageSize(model), (part, count) => model.decode(part, count));
}

/**
 * Latents of the pictures that latents make, each value one of 256 as in a file of them.
 * @param latents [n, latent] @param onDone told of how many more @returns [n, latent]
 */
export function throughPictures(
  model: Model,
  latents: Float32Array,
  onDone?: (pictures: number) => void,
): Promise<Float32Array> {
  return inBatches(latents, atOnce(model), model.latent, model.latent, async (part, count) => {
    const images = await model.decode(part, count);
    const found = await model.encode(images.map(asByte), count);
    onDone?.(count);
    return found;
  });
}

/** Values of one image. */
export function imageSize({ resolution }: Pick<Model, "resolution">): number {
  return 3 * resolution * resolution;
}

async function inBatches(
  input: Float32Array,
  batch: number,
  inputSize: number,
  outputSize: number,
  compute: (part: Float32Array, count: number) => Promise<Float32Array>,
): Promise<Float32Array> {
  const total = input.length / inputSize;
  const output = new Float32Array(total * outputSize);
  for (let start = 0; start < total; start += batch) {
    const count = Math.min(batch, total - start);
    const part = input.slice(start * inputSize, (start + count) * inputSize);
    output.set(await compute(part, count), start * outputSize);
  }
  return output;
}
