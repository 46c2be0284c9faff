import { parse } from "zod/mini";
import { type EditFile, latentFromText, latentToText, type ProjectFile, projectFile } from "../../shared/project.ts";
import { edit, editLatent } from "./edit.ts";
import { modelNow, type OpenModel } from "./models.ts";
import { emptyShelf, type Saved, type Shelf, useShelf } from "./shelf.ts";

/** All that is kept of a model, as a file. @param editFile of what is being edited */
export function projectOf(model: OpenModel, shelf: Shelf, editFile: EditFile | undefined): ProjectFile {
  return {
    format: 1,
    program: "pioneer-studio",
    model: { key: model.key, name: model.name },
    favourites: shelf.favourites.map(toFile),
    corners: shelf.corners.map((corner) => (corner ? toFile(corner) : null)),
    taught: shelf.taught,
    ...(editFile && { edit: editFile }),
  };
}

const toFile = ({ name, latent, strengths }: Saved) => ({
  name,
  latent: latentToText(latent),
  strengths: { ...strengths },
});

/** @throws Error in one line, for a project of another model or what is no project */
export function shelfOf(content: unknown, model: OpenModel): { shelf: Shelf; edit: EditFile | undefined } {
  const project = readProject(content);
  if (project.model.key !== model.key) {
    throw new Error(`this project is of the model "${project.model.name}": open that model first, then the project`);
  }
  const saved = ({ name, latent, strengths }: ProjectFile["favourites"][number]): Saved => {
    const values = latentFromText(latent);
    if (values.length !== model.config.latent || !values.every(Number.isFinite)) {
      throw new Error(`this project is damaged: "${name}" has no latent of ${model.config.latent} numbers`);
    }
    return { name, latent: values, strengths };
  };
  const shelf = {
    ...emptyShelf,
    favourites: project.favourites.map(saved),
    corners: emptyShelf.corners.map((_, i) => {
      const corner = project.corners[i];
      return corner ? saved(corner) : undefined;
    }),
    taught: project.taught,
  };
  return { shelf, edit: project.edit };
}

function readProject(content: unknown): ProjectFile {
  try {
    return parse(projectFile, content);
  } catch (error) {
    throw new Error("this file is no project of Pioneer Studio, or of a newer version", { cause: error });
  }
}

export function openProject(content: unknown): void {
  const { shelf, edit: file } = shelfOf(content, modelNow());
  useShelf.setState(shelf);
  if (file) openEdit(file);
}

/** Goes on with the edit of a saved picture: a photo that is open stays the photo. @throws Error for another model's */
export function openEdit(file: EditFile): void {
  const { key, config } = modelNow();
  if (file.model.key !== key) {
    throw new Error(`this picture was made with the model "${file.model.name}": open that model to go on with it`);
  }
  const latent = latentFromText(file.latent);
  if (latent.length !== config.latent) throw new Error("the latent in this picture is damaged");
  editLatent(latent, file.name, file.strengths);
  edit({ detail: file.detail }, "open");
}

/** An edit with the model in use, to go on with later. */
export function editFileOf(saved: Saved, detail: number): EditFile {
  const { key, name } = modelNow();
  return { format: 1, model: { key, name }, ...toFile(saved), detail };
}
