import { basename, dirname, join, resolve } from "node:path";
import { formatKimg } from "../../base/format.ts";
import { option, whole } from "../../config/option-schema.ts";
import type { PictureOptions } from "../../images/pictures.ts";

/** Of the commands that write pictures of a model. */
export const pictureOptions = {
  scale: option(whole(1, 64).optional(), {
    value: "K",
    description: "enlarge pictures by this factor, each pixel becoming a square",
    note: "1 keeps files in the model's own size",
    default: "at least 64 pixels wide, frames of animations at least 256",
  }),
};

/**
 * How the pictures of a command are to look: large enough to judge by eye, with a line that says what they are of.
 * @param path    --model, of a model that was opened
 * @param command its name
 */
export async function looksOf(
  path: string,
  resolution: number,
  { command, scale }: { readonly command: string; readonly scale?: number | undefined },
): Promise<Required<PictureOptions>> {
  const { scaleFor } = await import("../../pictures/grid.ts");
  const { findCheckpoint } = await import("../../checkpoint/run-folder.ts");
  const { isModelFolder } = await import("../../models/model-folder.ts");
  const { readState } = await import("../../checkpoint/state.ts");
  const checkpoint = (await isModelFolder(path)) ? undefined : findCheckpoint(path);
  const whole = resolve(path);
  const name = checkpoint === path ? join(basename(dirname(whole)), basename(whole)) : basename(whole);
  const after = checkpoint === undefined ? "" : `, ${formatKimg(readState(checkpoint).images)} kimg`;
  return { scale: scale ?? scaleFor(resolution), caption: `${name}${after}; pioneer ${command}` };
}
