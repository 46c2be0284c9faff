import { editKeyword } from "../../shared/project.ts";
import { contextOf, drawPlanes, pngOf } from "../image/canvas.ts";
import { similarityOf } from "../image/placement.ts";
import { withText } from "../image/png-text.ts";
import { modelNow } from "../state/models.ts";
import { pastedPhoto } from "../state/photos.ts";
import { download } from "../ui/download.ts";
import { settingsOf, usePictures } from "./pictures.ts";
import type { Pictures } from "./render.ts";
import { sourceName } from "./source-name.ts";

const shown = (): Pictures => {
  const { pictures } = usePictures.getState();
  if (!pictures) throw new Error("there is no picture to save yet");
  return pictures;
};

/** The square as a PNG file. */
function squarePng({ result }: Pictures): Promise<Blob> {
  const { resolution } = modelNow().config;
  const context = contextOf(resolution, resolution);
  drawPlanes(context, result, resolution);
  return pngOf(context);
}

/** The square, with latent and settings in the file. */
export async function saveSquare(): Promise<void> {
  const pictures = shown();
  await downloadWithSettings(await squarePng(pictures), pictures);
}

/** The whole photo at its full size with the square pasted back, with latent and settings in the file. */
export async function savePhoto(): Promise<void> {
  const pictures = shown();
  const { of, edited, share } = pictures;
  if (of.source?.kind !== "photo" || !of.placement) throw new Error("there is no photo to save the edit into");
  const { resolution, colour } = modelNow().config;
  const png = await pastedPhoto(of.source.photo, {
    edited,
    share,
    side: resolution,
    similarity: similarityOf(of.placement),
    colour,
  });
  await downloadWithSettings(png, pictures);
}

/** @param pictures of which the file is one: they may have changed since it was begun */
async function downloadWithSettings(png: Blob, pictures: Pictures): Promise<void> {
  const settings = JSON.stringify(settingsOf(pictures));
  const file = withText(new Uint8Array(await png.arrayBuffer()), editKeyword, settings);
  download(new Blob([file], { type: "image/png" }), `${sourceName(pictures.of)} edited.png`);
}

export async function copyPicture(): Promise<void> {
  // The clipboard waits for the file, as a browser allows copying only right after a click.
  await navigator.clipboard.write([new ClipboardItem({ "image/png": squarePng(shown()) })]);
}
