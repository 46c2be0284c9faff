import type { Model } from "pioneer-runtime/internal";
import { scaleFor, toByte } from "../pictures/grid.ts";
import { checkPicturePlace } from "../pictures/mark.ts";
import { decodeAll, imageSize } from "./batches.ts";
import type { FrameSink } from "./frame-sink.ts";

export interface AnimationOptions {
  readonly gif: boolean;
  readonly mp4: boolean;
  /** Frames a second, a whole number from 1 to 50. */
  readonly fps: number;
  /** Length of the loop. */
  readonly seconds?: number | undefined;
  /** Whole factor by which frames are enlarged, each pixel becoming a square; by default to at least 256 pixels. */
  readonly frameScale?: number | undefined;
  /** Told the frames made, of how many. */
  readonly onFrame?: ((done: number, total: number) => void) | undefined;
}

/** Players show smaller pictures badly. */
const minSide = 256;

/** Frames decoded at once: they are written before the next are made. */
const group = 32;

export const isAnimated = <T extends Partial<AnimationOptions>>(options: T): options is T & AnimationOptions =>
  options.fps !== undefined && (options.gif === true || options.mp4 === true);

/**
 * Decodes latents one after the other into NAME.gif, NAME.mp4 or both.
 * @param latents [frames, latent]; the first follows on the last
 * @param name    path without its ending
 * @returns the files
 * @throws DataError naming the file that cannot be written, or is the user's
 */
export async function animate(
  model: Model,
  latents: Float32Array,
  name: string,
  { gif, mp4, fps, frameScale: wanted, onFrame }: AnimationOptions,
): Promise<string[]> {
  const { resolution, latent, colour } = model;
  const scale = wanted ?? scaleFor(resolution, minSide);
  const shape = { side: resolution, scale, fps, colour };
  if (gif) await checkPicturePlace(`${name}.gif`);
  if (mp4) await checkPicturePlace(`${name}.mp4`);
  const sinks: FrameSink[] = [];
  if (gif) sinks.push((await import("./gif.ts")).openGif(`${name}.gif`, shape));
  if (mp4) sinks.push(await (await import("./mp4.ts")).openMp4(`${name}.mp4`, shape));
  const total = latents.length / latent;
  const size = imageSize(model);
  try {
    for (let start = 0; start < total; start += group) {
      const images = await decodeAll(model, latents.subarray(start * latent, (start + group) * latent));
      for (let i = 0; i < images.length / size; i++) {
        const pixels = interleaved(images.subarray(i * size, (i + 1) * size));
        for (const sink of sinks) await sink.write(pixels);
        onFrame?.(start + i + 1, total);
      }
    }
    for (const sink of sinks) await sink.finish();
  } finally {
    for (const sink of sinks) await sink.discard();
  }
  return sinks.map(({ path }) => path);
}

/** Planes [3, r, r] in [-1, 1] to bytes [r, r, 3]. */
function interleaved(planes: Float32Array): Uint8Array {
  const area = planes.length / 3;
  return Uint8Array.from({ length: planes.length }, (_, i) =>
    toByte(planes[(i % 3) * area + Math.floor(i / 3)] as number),
  );
}
