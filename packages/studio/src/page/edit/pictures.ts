import { create } from "zustand";
import type { EditFile } from "../../shared/project.ts";
import { type Edit, useEdit } from "../state/edit.ts";
import { decodeNow, encodeNow, scheduler, useEngines } from "../state/engines.ts";
import { modelNow, useModels } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { squareOf } from "../state/photos.ts";
import { editFileOf } from "../state/project.ts";
import { allDirections, type Saved, useShelf } from "../state/shelf.ts";
import { type Cache, type Pictures, render } from "./render.ts";
import { sourceName } from "./source-name.ts";

/** The pictures of the edit; those of the state before stay until the new ones are there. */
export const usePictures = create<{ readonly pictures: Pictures | undefined }>(() => ({ pictures: undefined }));

let cache: Cache = {};

async function update(): Promise<void> {
  const edit = useEdit.getState().present;
  if (!useModels.getState().open || !edit.source) {
    usePictures.setState({ pictures: undefined });
    return;
  }
  try {
    const pictures = await scheduler.newest("edit", () => picturesOf(edit));
    if (pictures) usePictures.setState({ pictures });
  } catch (error) {
    report(error);
  }
}

function picturesOf(edit: Edit): Promise<Pictures> {
  const tools = {
    square: squareOf,
    encode: encodeNow,
    decode: decodeNow,
    directions: allDirections(),
    side: modelNow().config.resolution,
  };
  return render(edit, tools, cache);
}

/** The edit that is shown, as a picture that can be kept. */
export const savedOf = ({ of, latent }: Pictures): Saved => ({ name: sourceName(of), latent, strengths: of.strengths });

/** The edit that is shown, to go on with later. */
export const settingsOf = (pictures: Pictures): EditFile => editFileOf(savedOf(pictures), pictures.of.detail);

/** Keeps the pictures in step with the edit, the model and the directions; also once an engine takes over from one that died. */
export function followEdit(): void {
  useEdit.subscribe((now, before) => {
    if (now.present !== before.present) void update();
  });
  useShelf.subscribe((now, before) => {
    if (now.taught !== before.taught) void update();
  });
  useEngines.subscribe((now, before) => {
    const behind = usePictures.getState().pictures?.of !== useEdit.getState().present;
    if (now.active !== before.active && now.active && behind) void update();
  });
  useModels.subscribe((now, before) => {
    if (now.open !== before.open) cache = {};
    if (now.open !== before.open || now.directions !== before.directions) void update();
  });
}
