import type { FoundFace, Similarity } from "pioneer-runtime";
import { whenNeeded } from "pioneer-runtime/internal";
import type { PhotoWorker } from "../engine/photo-worker.ts";
import type { PastedSquare } from "../image/paste.ts";
import { modelNow } from "./models.ts";
import { report } from "./notices.ts";

/** A photo that was dropped, pasted or chosen. */
export interface Photo {
  readonly id: number;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** What is drawn of it on the page: at most `shownSide` wide and high. */
  readonly shown: ImageBitmap;
}

const largestPhoto = 50_000_000;
const shownSide = 1600;

/** The worker that holds photos. */
const photos = whenNeeded<PhotoWorker>(
  () => new Worker(new URL("../engine/photo-worker.ts", import.meta.url), { type: "module" }),
);

let last = 0;

/** @throws Error in one line, for a file that is no picture or is too large */
export async function openPhoto(file: Blob, name: string): Promise<Photo> {
  if (file.size === 0) throw new Error(`${name} is empty (0 bytes)`);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch (error) {
    const isHeic = /\.hei[cf]$/i.test(name) || file.type.startsWith("image/hei");
    const mend = isHeic ? "this browser reads no HEIC: save it as JPEG" : "JPEG, PNG, WebP, GIF and AVIF are read";
    throw new Error(`${name} cannot be read as a picture; ${mend}`, { cause: error });
  }
  const { width, height } = bitmap;
  if (width * height > largestPhoto) {
    bitmap.close();
    throw new Error(`${name} has ${width}x${height} pixels, more than 50 million: make it smaller first`);
  }
  const scale = Math.min(1, shownSide / Math.max(width, height));
  const shown = await createImageBitmap(bitmap, {
    resizeWidth: Math.max(1, Math.round(width * scale)),
    resizeHeight: Math.max(1, Math.round(height * scale)),
    resizeQuality: "high",
  });
  const id = ++last;
  await photos().call("open", id, bitmap);
  return { id, name, width, height, shown };
}

/** A square of a photo as the model sees it, [3, r, r] in [-1, 1]. */
export function squareOf(photo: Photo, similarity: Similarity): Promise<Float32Array> {
  const { resolution, colour } = modelNow().config;
  return photos().call("square", photo.id, similarity, resolution, colour);
}

/** The faces of a photo, the largest first, found in this page. */
export const facesOf = (photo: Photo): Promise<FoundFace[]> =>
  photos().call("faces", photo.id, new URL("faces", document.baseURI).href);

/** The whole photo with an edited square in it, a PNG file. */
export const pastedPhoto = (photo: Photo, square: PastedSquare): Promise<Blob> =>
  photos().call("paste", photo.id, square);

/** Frees a photo that is not needed any more. */
export function closePhoto(photo: Photo): void {
  photo.shown.close();
  photos().call("close", photo.id).catch(report);
}
