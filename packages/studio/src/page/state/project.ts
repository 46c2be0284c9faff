import { parse } from "zod/mini";
import { type EditFile, latentFromText, latentToText, type ProjectFile, projectFile } from "../../shared/project.ts";
import { editLatent } from "./edit.ts";
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

type SavedFile = ProjectFile["favourites"][number];

/** @param inside what is damaged where the model has no such latent */
function fromFile(file: SavedFile, { config }: OpenModel, inside: "project" | "picture"): Saved {
  const latent = latentFromText(file.latent);
  if (latent.length !== config.latent || !latent.every(Number.isFinite)) {
    throw new Error(`this ${inside} is damaged: "${file.name}" has no latent of ${config.latent} numbers`);
  }
  return { name: file.name, latent, strengths: file.strengths };
}

/** @throws Error in one line, for a project of another model or what is no project */
export function shelfOf(content: unknown, model: OpenModel): { shelf: Shelf; edit: EditFile | undefined } {
  const project = readProject(content);
  if (project.model.key !== model.key) {
    throw new Error(`this project is of the model "${project.model.name}": open that model first, then the project`);
  }
  const saved = (file: SavedFile) => fromFile(file, model, "project");
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
  // What can be refused comes first: a project is opened whole, or not at all.
  if (file) openEdit(file);
  useShelf.setState(shelf);
}

/**
 * Goes on with the edit of a saved picture, in one step.
 * @throws Error in one line, for another model's or a damaged one
 */
export function openEdit(file: EditFile): void {
  const model = modelNow();
  if (file.model.key !== model.key) {
    throw new Error(`this picture was made with the model "${file.model.name}": open that model to go on with it`);
  }
  editLatent(fromFile(file, model, "picture"), file.detail);
}

/** An edit with the model in use, to go on with later. */
export function editFileOf(saved: Saved, detail: number): EditFile {
  const { key, name } = modelNow();
  return { format: 1, model: { key, name }, ...toFile(saved), detail };
}
