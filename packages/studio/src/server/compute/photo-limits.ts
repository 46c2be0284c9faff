import { ModelError } from "pioneer-runtime";
import { firstLine } from "pioneer-runtime/internal";
import sharp from "sharp";

/** A photo may have so many million pixels: the largest of today's phones in their usual mode have 50. */
const mostMegapixels = 64;
/** An animation may have so many frames; the first is taken. */
const mostFrames = 1000;

/** Of files that phones of Apple write; their patents keep the decoder out of sharp. AVIF is of the same family and is read. */
const heicBrands = ["heic", "heix", "heim", "heis", "hevc", "hevx"];

function isHeic(photo: Uint8Array): boolean {
  const [type, brand] = [4, 8].map((at) => String.fromCharCode(...photo.subarray(at, at + 4)));
  return type === "ftyp" && brand !== undefined && heicBrands.includes(brand);
}

/**
 * Refuses by its header what would take too much memory to decode.
 * @param photo bytes of an image file
 * @throws ModelError IMAGE
 */
export async function checkPhoto(photo: Uint8Array): Promise<void> {
  if (photo.length === 0)
    throw new ModelError("IMAGE", "the image is empty (0 bytes): send the bytes of a JPEG, PNG or WebP file");
  if (isHeic(photo)) {
    throw new ModelError("IMAGE", "the image is HEIC, which is not read here: save it as JPEG first");
  }
  let header: { width: number; height: number; pages?: number | undefined; pageHeight?: number | undefined };
  try {
    header = await sharp(photo, { limitInputPixels: false, pages: 1 }).metadata();
  } catch (error) {
    const message = `the image cannot be read (${firstLine(error)}): send the bytes of a JPEG, PNG or WebP file`;
    throw new ModelError("IMAGE", message, { cause: error });
  }
  const { width, height, pages = 1 } = header;
  if (width * height > mostMegapixels * 1e6) {
    const megapixels = Math.round((width * height) / 1e6);
    throw new ModelError(
      "IMAGE",
      `the image is ${width}x${height}, ${megapixels} megapixels: at most ${mostMegapixels} are taken; make it smaller first`,
    );
  }
  if (pages > mostFrames) {
    throw new ModelError(
      "IMAGE",
      `the image has ${pages} frames: at most ${mostFrames} are taken; save one of them as PNG`,
    );
  }
}
