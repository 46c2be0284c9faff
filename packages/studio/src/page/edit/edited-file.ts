// Files of an edit: PNG, with latent and settings inside.
import { editKeyword } from "../../shared/project.ts";
import { contextOf, drawPlanes, pngOf } from "../image/canvas.ts";
import { similarityOf } from "../image/placement.ts";
import { withText } from "../image/png-text.ts";
import { modelNow } from "../state/models.ts";
import { pastedPhoto } from "../state/photos.ts";
import { settingsOf } from "./pictures.ts";
import type { Pictures } from "./render.ts";

/** The square as a PNG file, without settings. */
export function squarePng({ result }: Pictures): Promise<Blob> {
  const { resolution } = modelNow().config;
  const context = contextOf(resolution, resolution);
  drawPlanes(context, result, resolution);
  return pngOf(context);
}

/** The square. */
export const squareFile = async (pictures: Pictures): Promise<Blob> =>
  withSettings(await squarePng(pictures), pictures);

/** The whole photo at its full size with the square pasted back. @throws Error for a picture that the model made */
export async function photoFile(pictures: Pictures): Promise<Blob> {
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
  return withSettings(png, pictures);
}

/** @param pictures of which the file is one: what is shown may have changed since it was begun */
async function withSettings(png: Blob, pictures: Pictures): Promise<Blob> {
  const settings = JSON.stringify(settingsOf(pictures));
  const file = withText(new Uint8Array(await png.arrayBuffer()), editKeyword, settings);
  return new Blob([file], { type: "image/png" });
}
