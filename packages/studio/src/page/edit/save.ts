import { toRgba } from "pioneer-runtime";
import { editKeyword } from "../../shared/project.ts";
import { similarityOf } from "../image/placement.ts";
import { withText } from "../image/png-text.ts";
import type { Edit } from "../state/edit.ts";
import { modelNow } from "../state/models.ts";
import { pastedPhoto } from "../state/photos.ts";
import { editFileOf } from "../state/project.ts";
import { download } from "../ui/download.ts";
import { usePictures } from "./pictures.ts";
import type { Pictures } from "./render.ts";
import { sourceName } from "./source-name.ts";

/** A picture of the model as a PNG file. @param planes [3, side, side] in [-1, 1] */
export async function pngOf(planes: Float32Array, side: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(side, side);
  canvas.getContext("2d")?.putImageData(new ImageData(toRgba(planes, side), side, side), 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

const shown = (): { pictures: Pictures; of: Edit } => {
  const { pictures, of } = usePictures.getState();
  if (!pictures || !of) throw new Error("there is no picture to save yet");
  return { pictures, of };
};

/** The square, with latent and settings in the file. */
export async function saveSquare(): Promise<void> {
  const { pictures, of } = shown();
  const png = await pngOf(pictures.result, modelNow().config.resolution);
  download(await withSettings(png), `${sourceName(of)} edited.png`);
}

/** The whole photo at its full size with the square pasted back, with latent and settings in the file. */
export async function savePhoto(): Promise<void> {
  const { pictures, of } = shown();
  if (of.source?.kind !== "photo" || !of.placement) throw new Error("there is no photo to save the edit into");
  const { resolution, colour } = modelNow().config;
  const png = await pastedPhoto(of.source.photo, {
    edited: pictures.edited,
    share: pictures.share,
    side: resolution,
    similarity: similarityOf(of.placement),
    colour,
  });
  download(await withSettings(png), `${sourceName(of)} edited.png`);
}

async function withSettings(png: Blob): Promise<Blob> {
  const { pictures, of } = shown();
  const settings = JSON.stringify(editFileOf(pictures.latent, sourceName(of)));
  return new Blob([withText(new Uint8Array(await png.arrayBuffer()), editKeyword, settings)], { type: "image/png" });
}

export async function copyPicture(): Promise<void> {
  const { pictures } = shown();
  // The clipboard waits for the file, as a browser allows copying only right after a click.
  const png = pngOf(pictures.result, modelNow().config.resolution);
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}
