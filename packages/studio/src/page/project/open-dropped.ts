import { parse } from "zod/mini";
import { editFile, editKeyword } from "../../shared/project.ts";
import { readText } from "../image/png-text.ts";
import { editPhoto } from "../state/edit.ts";
import { useModels } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import { openPhoto } from "../state/photos.ts";
import { openEdit, openProject } from "../state/project.ts";
import { goTo } from "../state/route.ts";

/** A photo is edited, a saved picture goes on, a project is opened. */
export async function openDropped(files: readonly File[]): Promise<void> {
  const [file] = files;
  if (!file) return;
  if (!useModels.getState().open) {
    notify("problem", "there is no model to open this with yet");
    return;
  }
  try {
    if (/\.json$/i.test(file.name) || file.type === "application/json") {
      openProject(JSON.parse(await file.text()));
      notify("done", `${file.name} is open`);
      return;
    }
    const text = file.type === "image/png" ? readText(await bytesOf(file), editKeyword) : undefined;
    if (text === undefined) editPhoto(await openPhoto(file, file.name || "photo"));
    else openEdit(parse(editFile, JSON.parse(text)));
    goTo("edit");
    if (files.length > 1) notify("done", `${file.name} is open; the other ${files.length - 1} were left`);
  } catch (error) {
    report(error instanceof SyntaxError ? new Error(`${file.name} is no project: ${error.message}`) : error);
  }
}

const bytesOf = async (file: Blob) => new Uint8Array(await file.arrayBuffer());
