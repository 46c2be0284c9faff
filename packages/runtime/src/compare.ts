import { sampleLatents } from "./latent.ts";
import type { Sessions, StartOptions } from "./platform.ts";
import { Rng } from "./rng.ts";

/**
 * Between WebGPU and WASM: pixel values in [-1, 1] may differ by this, 2.5 of 255, and the cosine of latents from 1.
 * Faulty drivers are wrong by far more (onnxruntime issues 18311, 24070).
 */
const imageTolerance = 0.02;
const cosineTolerance = 1e-4;

/** In words how WebGPU's networks differ from WASM's on two latents and their images; undefined where they do not. */
export async function compare(
  gpu: Sessions,
  wasm: Sessions,
  { latent, resolution, signal }: Pick<StartOptions, "latent" | "resolution" | "signal">,
): Promise<string | undefined> {
  const both = async (part: keyof Sessions, input: Float32Array, shape: readonly number[]) => [
    await gpu[part]?.run(input, shape, signal),
    await wasm[part]?.run(input, shape, signal),
  ];
  const [images, expected] = await both("generator", sampleLatents(2, latent, 0), [2, latent]);
  if (images && expected) {
    const worst = images.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] as number))), 0);
    if (!(worst <= imageTolerance)) return `WebGPU's images differ from WASM's by up to ${worst.toPrecision(2)}`;
  }
  const shape = [2, 3, resolution, resolution];
  const [encoded, right] = await both("encoder", expected ?? noise(6 * resolution ** 2), shape);
  if (encoded && right) {
    const cosine = encoded.reduce((sum, value, i) => sum + value * (right[i] as number), 0) / 2;
    if (!(1 - cosine <= cosineTolerance))
      return `WebGPU's latents differ from WASM's (mean cosine ${cosine.toFixed(4)})`;
  }
  return undefined;
}

/** Where there is no generator to make pictures: numbers in [-1, 1]. */
function noise(length: number): Float32Array {
  const rng = new Rng(0);
  return Float32Array.from({ length }, () => 2 * rng.uniform() - 1);
}
