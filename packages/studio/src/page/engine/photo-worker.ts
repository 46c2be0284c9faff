// Photos at their full size, on a thread of their own: squares cut out of them, and squares pasted back.
import {
  alignedSquare,
  type Colour,
  type FaceFinder,
  Faces,
  type FoundFace,
  type RgbPixels,
  type Similarity,
} from "pioneer-runtime";
import { answer, toSquare, writePlanes } from "pioneer-runtime/internal";
import { contextOf, pngOf } from "../image/canvas.ts";
import { type PastedSquare, pasteBack } from "../image/paste.ts";

const photos = new Map<number, RgbPixels>();

const photo = (id: number): RgbPixels => {
  const found = photos.get(id);
  if (!found) throw new Error("this photo was closed: drop it again");
  return found;
};

let finder: Promise<FaceFinder> | undefined;

const handlers = {
  /** Keeps the pixels of a decoded photo, on white. */
  open(id: number, bitmap: ImageBitmap) {
    const { width, height } = bitmap;
    const context = contextOf(width, height);
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    photos.set(id, { data: withoutAlpha(context.getImageData(0, 0, width, height).data), width, height });
  },
  close(id: number) {
    photos.delete(id);
  },
  /**
   * The faces of a photo, the largest first. What finds them is loaded with the first photo that is asked for.
   * @param folder the whole address of its files
   */
  async faces(id: number, folder: string): Promise<FoundFace[]> {
    finder ??= Faces.load(folder);
    try {
      return await (await finder).find(photo(id));
    } catch (error) {
      // Whoever asks next tries again.
      finder = undefined;
      throw error;
    }
  },
  /** @returns [3, resolution, resolution] in [-1, 1] */
  square(id: number, similarity: Similarity, resolution: number, colour: Colour): Float32Array {
    const cut = alignedSquare(photo(id), similarity, resolution);
    // Of a square that has the size already this only takes the colour away where the model knows none.
    const seen = toSquare({ data: cut, width: resolution, height: resolution }, { resolution, crop: "none", colour });
    const planes = new Float32Array(seen.length);
    writePlanes(planes, seen);
    return planes;
  },
  /** @returns a PNG file of the whole photo with the square in it */
  async paste(id: number, square: PastedSquare): Promise<Blob> {
    const { width, height } = photo(id);
    const pixels = pasteBack(photo(id), square);
    const context = contextOf(width, height);
    context.putImageData(new ImageData(withAlpha(pixels), width, height), 0, 0);
    return pngOf(context);
  },
};

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] as number;
    rgb[to + 1] = rgba[from + 1] as number;
    rgb[to + 2] = rgba[from + 2] as number;
  }
  return rgb;
}

function withAlpha(rgb: Uint8ClampedArray): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from] as number;
    rgba[to + 1] = rgb[from + 1] as number;
    rgba[to + 2] = rgb[from + 2] as number;
  }
  return rgba;
}

export type PhotoWorker = typeof handlers;

answer(handlers);
