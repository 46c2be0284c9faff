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
  const { name, kimg, isRun } = await modelAt(path);
  const after = isRun ? `, ${formatKimg(1000 * kimg)} kimg` : "";
  return { scale: scale ?? scaleFor(resolution), caption: `${name}${after}; pioneer ${command}` };
}

/** What is told of a model beside its pictures. */
interface ModelAt {
  readonly name: string;
  readonly kimg: number;
  readonly isRun: boolean;
  /** Whether it makes latents of photos; recipe gan's does not. */
  readonly hasEncoder: boolean;
}

/** What a model is called where it is not at hand, and after how much training it is. @param path --model, of a model that was opened */
export async function modelAt(path: string): Promise<ModelAt> {
  const { findCheckpoint } = await import("../../checkpoint/run-folder.ts");
  const { isModelFolder, readModelConfig } = await import("../../models/model-folder.ts");
  const { readState } = await import("../../checkpoint/state.ts");
  const whole = resolve(path);
  const name = basename(whole);
  if (await isModelFolder(path)) {
    const { kimg, files } = await readModelConfig(path);
    return { name, kimg, isRun: false, hasEncoder: "encoder.onnx" in files };
  }
  const checkpoint = findCheckpoint(path);
  const { images, networks } = readState(checkpoint);
  const known = checkpoint === path ? join(basename(dirname(whole)), name) : name;
  return { name: known, kimg: images / 1000, isRun: true, hasEncoder: !networks.head };
}
