import { get, set } from "idb-keyval";
import { settingsOf, usePictures } from "../edit/pictures.ts";
import { editNow, editOtherModel } from "../state/edit.ts";
import { lookAgain } from "../state/faces.ts";
import { type OpenModel, useModels } from "../state/models.ts";
import { notify } from "../state/notices.ts";
import { openEdit, projectOf, shelfOf } from "../state/project.ts";
import { emptyShelf, useShelf } from "../state/shelf.ts";

// What the browser keeps by itself: a project for each model.

const place = (model: OpenModel) => `pioneer-studio project ${model.key}`;
/** Changes come in bursts, as sliders are dragged. */
const patienceMs = 400;

let timer: ReturnType<typeof setTimeout> | undefined;
let restored: OpenModel | undefined;

/** Brings back what was kept of the model, and keeps what changes. */
export function keepProject(): void {
  useModels.subscribe((now, before) => {
    if (now.open && now.open !== before.open) void restore(now.open, before.open !== undefined);
  });
  useShelf.subscribe(saveSoon);
  usePictures.subscribe(saveSoon);
}

async function restore(model: OpenModel, isOther: boolean): Promise<void> {
  restored = undefined;
  useShelf.setState(emptyShelf);
  if (isOther) {
    editOtherModel();
    lookAgain();
  }
  try {
    const kept: unknown = await get(place(model));
    if (kept !== undefined) {
      const { shelf, edit } = shelfOf(kept, model);
      useShelf.setState(shelf);
      // A photo may have been dropped meanwhile.
      if (edit && !isOther && !editNow().source) openEdit(edit);
    }
  } catch (error) {
    notify("problem", `what this browser kept of ${model.name} could not be read: ${(error as Error).message}`);
  }
  restored = model;
}

function saveSoon(): void {
  clearTimeout(timer);
  timer = setTimeout(() => void save(), patienceMs);
}

async function save(): Promise<void> {
  const model = useModels.getState().open;
  // Nothing is written over before it was read.
  if (!model || restored !== model) return;
  const { pictures } = usePictures.getState();
  const project = projectOf(model, useShelf.getState(), pictures && settingsOf(pictures));
  try {
    await set(place(model), project);
  } catch (error) {
    notify("problem", `this browser keeps nothing (${(error as Error).message}): save the project as a file`);
  }
}
