import { create } from "zustand";
import { photoFile, squareFile } from "../edit/edited-file.ts";
import { render, type Tools } from "../edit/render.ts";
import { editNow } from "../state/edit.ts";
import { decodeInLine, encodeInLine } from "../state/engines.ts";
import { firstPlacement } from "../state/faces.ts";
import { modelNow } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { closePhoto, openPhoto, squareOf } from "../state/photos.ts";
import { allDirections } from "../state/shelf.ts";
import { download } from "../ui/download.ts";
import { type ChosenPhoto, namer, picturesAmong } from "./chosen.ts";

// The same edit on many photos.

/** The whole photos with the square pasted back, or the squares alone. */
export type Form = "photos" | "squares";
export type Target = "zip" | "files";

interface Batch {
  readonly open: boolean;
  readonly chosen: readonly ChosenPhoto[];
  /** Of what was chosen: files that are no pictures. */
  readonly others: number;
  readonly running: AbortController | undefined;
  readonly saved: number;
  readonly skipped: readonly Skipped[];
  /** Once it is over, in words. */
  readonly outcome: string | undefined;
}

export interface Skipped {
  readonly path: string;
  /** One line. */
  readonly reason: string;
}

const nothingYet = { saved: 0, skipped: [], outcome: undefined };

export const useBatch = create<Batch>(() => ({
  open: false,
  chosen: [],
  others: 0,
  running: undefined,
  ...nothingYet,
}));

export function choose(files: readonly File[]): void {
  const chosen = picturesAmong(files);
  useBatch.setState({ chosen, others: files.length - chosen.length, ...nothingYet });
}

export const stopBatch = () => useBatch.getState().running?.abort();

/**
 * Edits all chosen photos as the one that is shown, and saves them. One that cannot be used is left out and named; when it
 * is stopped, those that are done are saved.
 */
export async function runBatch(form: Form, target: Target): Promise<void> {
  const { chosen, running } = useBatch.getState();
  if (running) return;
  const stop = new AbortController();
  useBatch.setState({ running: stop, ...nothingYet });
  const model = modelNow();
  const nameOf = namer();
  try {
    const archive = target === "zip" ? new (await import("./archive.ts")).Archive() : undefined;
    const edited = editor(form, stop.signal);
    try {
      for (const { file, path } of chosen) {
        const result = await edited(file);
        if ("reason" in result) {
          useBatch.setState(({ skipped }) => ({ skipped: [...skipped, { path, reason: result.reason }] }));
          continue;
        }
        const name = nameOf(path);
        if (archive) await archive.add(name, result.png);
        else download(result.png, name.replace(/^.*\//, ""));
        useBatch.setState(({ saved }) => ({ saved: saved + 1 }));
      }
    } finally {
      // What is done is not lost when the rest fails, or is not wanted any more.
      const { saved } = useBatch.getState();
      if (archive && saved > 0) download(archive.end(), `${model.name} edits.zip`);
      useBatch.setState({ outcome: outcomeOf(saved, chosen.length) });
    }
  } catch (error) {
    report(error);
  }
  useBatch.setState({ running: undefined });
}

const outcomeOf = (saved: number, all: number) =>
  saved === all ? `All ${all} are saved.` : `${saved} of ${all} are saved.`;

/** Edits photos as the one that is shown now. @returns a function from a file to a PNG file, or to why there is none */
function editor(form: Form, signal: AbortSignal): (file: File) => Promise<{ png: Blob } | { reason: string }> {
  const { strengths, detail } = editNow();
  const model = modelNow();
  const tools: Tools = {
    square: squareOf,
    encode: (image) => encodeInLine(image, signal),
    decode: (latents) => decodeInLine(latents, model.config.latent, signal),
    directions: allDirections(),
    side: model.config.resolution,
  };
  const fileOf = { photos: photoFile, squares: squareFile }[form];
  return async (file) => {
    signal.throwIfAborted();
    if (modelNow() !== model) throw new Error("another model was opened: the photos that were left are not edited");
    const photo = await openPhoto(file, file.name).catch((error: Error) => error);
    if (photo instanceof Error) return { reason: photo.message };
    try {
      const source = { kind: "photo", photo } as const;
      const edit = { source, placement: await firstPlacement(photo), refined: undefined, strengths, detail };
      return { png: await fileOf(await render(edit, tools, {})) };
    } finally {
      closePhoto(photo);
    }
  };
}
