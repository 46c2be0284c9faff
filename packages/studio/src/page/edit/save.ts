import { download } from "../ui/download.ts";
import { photoFile, squareFile, squarePng } from "./edited-file.ts";
import { usePictures } from "./pictures.ts";
import type { Pictures } from "./render.ts";
import { sourceName } from "./source-name.ts";

const shown = (): Pictures => {
  const { pictures } = usePictures.getState();
  if (!pictures) throw new Error("there is no picture to save yet");
  return pictures;
};

/** The square of the edit that is shown, as a download. */
export const saveSquare = (): Promise<void> => save(squareFile);

/** Its photo. */
export const savePhoto = (): Promise<void> => save(photoFile);

async function save(fileOf: (pictures: Pictures) => Promise<Blob>): Promise<void> {
  const pictures = shown();
  download(await fileOf(pictures), `${sourceName(pictures.of)} edited.png`);
}

export async function copyPicture(): Promise<void> {
  // The clipboard waits for the file, as a browser allows copying only right after a click.
  await navigator.clipboard.write([new ClipboardItem({ "image/png": squarePng(shown()) })]);
}
