import { keep, scope } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import { phaseOf, resolutionOf } from "../networks/growth.ts";
import { fade, PackPixels } from "./batches.ts";
import type { Frames } from "./frames.ts";
import { openPack } from "./pack/pack.ts";

/** Images computed at a time. */
const batch = 32;

/**
 * A pack's images through the same code as training batches: 2x2 means, and the fade.
 * @param phase by default that of the pack's resolution
 * @throws DataError as `openPack`; ConfigError for a phase beyond the pack
 */
export function openPackFrames(
  path: string,
  phase: number | undefined,
  alpha: number,
): { frames: Frames; phase: number } {
  const pack = openPack(path);
  const newest = phaseOf(pack.resolution) as number;
  const level = phase ?? newest;
  if (level > newest) {
    throw new ConfigError(
      `--phase ${level} is ${resolutionOf(level)}x${resolutionOf(level)}, but ${path} holds ${pack.resolution}x${pack.resolution}; give 0 to ${newest}`,
    );
  }
  const pixels = new PackPixels(pack);
  const resolution = resolutionOf(level);
  const frames: Frames = {
    count: pack.count,
    nameOf: (index) => pack.names.at(index),
    splits: pack.splits,
    async *frames(indices) {
      for (let start = 0; start < indices.length; start += batch) {
        const some = indices.slice(start, start + batch);
        const x = scope(() => keep(fade(pixels.images(some, level), { phase: level, alpha })));
        const values = x.toFloat32Array();
        x.dispose();
        for (const [i, index] of some.entries()) {
          const planes = values.subarray(i * 3 * resolution ** 2, (i + 1) * 3 * resolution ** 2);
          yield { index, pixels: Promise.resolve(toPixels(planes)) };
        }
      }
    },
    close: async () => pixels.dispose(),
  };
  return { frames, phase: level };
}

/** [3, r, r] in [-1, 1] to [r, r, 3], 0..255, rounded. */
function toPixels(planes: Float32Array): Uint8Array {
  const area = planes.length / 3;
  const pixels = new Uint8Array(planes.length);
  for (let i = 0; i < area; i++) {
    for (let channel = 0; channel < 3; channel++) {
      pixels[3 * i + channel] = Math.round(((planes[channel * area + i] as number) + 1) * 127.5);
    }
  }
  return pixels;
}
