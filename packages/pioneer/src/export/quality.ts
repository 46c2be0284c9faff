// What storing weights in fewer bits costs: PSNR of reconstructions of held-out images, beside libtorch's in float32.

import type { Model } from "pioneer-runtime/internal";
import { scope, tensor } from "pioneer-torch";
import { evenly } from "../base/evenly.ts";
import { PackPixels } from "../data/batches.ts";
import type { Pack } from "../data/pack/pack.ts";
import { decodeAll, encodeAll } from "../images/batches.ts";
import { pixelErrors } from "../metrics/pixel-errors.ts";

/** Images that are enough to tell a tenth of a dB. */
const most = 64;

export interface Quality {
  /** How many held-out images. */
  readonly images: number;
  /** Mean PSNR in dB of reconstructions by libtorch in float32, and by the exported graphs. */
  readonly reference: number;
  readonly exported: number;
  /** Mean PSNR in dB between the two reconstructions. */
  readonly agreement: number;
}

/** @returns undefined if the pack has no images in "test" */
export async function measureQuality(
  reference: Model,
  exported: Model,
  pack: Pack,
  phase: number,
): Promise<Quality | undefined> {
  const heldOut = evenly(pack.splits.test ?? new Uint32Array(), most);
  if (heldOut.length === 0) return undefined;
  const pixels = new PackPixels(pack);
  try {
    const originals = scope(() => pixels.images(heldOut, phase).toFloat32Array());
    const through = async (model: Model) => decodeAll(model, await encodeAll(model, originals));
    const [before, after] = [await through(reference), await through(exported)];
    const shape = [heldOut.length, 3, reference.resolution, reference.resolution];
    const psnr = (a: Float32Array, b: Float32Array) =>
      scope(() => {
        // As PNG files hold them, but for their rounding.
        const pictures = (values: Float32Array) => tensor(values, shape).clamp(-1, 1).add(1).mul(127.5);
        return pixelErrors(pictures(a), pictures(b)).psnr / heldOut.length;
      });
    return {
      images: heldOut.length,
      reference: psnr(originals, before),
      exported: psnr(originals, after),
      agreement: psnr(before, after),
    };
  } finally {
    pixels.dispose();
  }
}
