import { parse } from "zod/mini";
import { editFile, editKeyword } from "../../shared/project.ts";
import { choose, useBatch } from "../batch/batch-state.ts";
import { readText } from "../image/png-text.ts";
import { editNow } from "../state/edit.ts";
import { openPhotoInEdit } from "../state/faces.ts";
import { useModels } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import { openPhoto } from "../state/photos.ts";
import { openEdit, openProject } from "../state/project.ts";
import { goTo } from "../state/route.ts";

/** A photo is edited, a saved picture goes on, a project is opened; several photos may get the same edit. */
export async function openDropped(files: readonly File[]): Promise<void> {
  const [file] = files;
  if (!file) return;
  if (!useModels.getState().open) {
    notify("problem", "there is no model to open this with yet");
    return;
  }
  try {
    if (files.length > 1) {
      await openSeveral(files);
      return;
    }
    if (/\.json$/i.test(file.name) || file.type === "application/json") {
      openProject(JSON.parse(await file.text()));
      notify("done", `${file.name} is open`);
      return;
    }
    const text = file.type === "image/png" ? readText(await bytesOf(file), editKeyword) : undefined;
    if (text === undefined) void openPhotoInEdit(await openPhoto(file, file.name || "photo"));
    else openEdit(parse(editFile, JSON.parse(text)));
    goTo("edit");
  } catch (error) {
    report(error instanceof SyntaxError ? new Error(`${file.name} is no project: ${error.message}`) : error);
  }
}

/** The first is edited, unless something is already; then there is the choice to put that edit on all of them. */
async function openSeveral(files: readonly File[]): Promise<void> {
  if (useBatch.getState().running) throw new Error("photos are being edited: wait for them, or stop that first");
  choose(files);
  const [first] = useBatch.getState().chosen;
  if (!first) throw new Error(`none of these ${files.length} files is a picture`);
  if (editNow().source) {
    goTo("edit");
    useBatch.setState({ open: true });
    return;
  }
  await openDropped([first.file]);
  const count = useBatch.getState().chosen.length;
  if (count > 1) notify("done", `${first.path} is open; “Many photos” puts the same edit on all ${count}`);
}

const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());
