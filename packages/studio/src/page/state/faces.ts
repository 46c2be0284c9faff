import type { FaceTemplate, FoundFace } from "pioneer-runtime";
import { create } from "zustand";
import { middleSquare, type Placement, placementOfFace } from "../image/placement.ts";
import { edit, editNow, editPhoto } from "./edit.ts";
import { modelNow } from "./models.ts";
import { facesOf, type Photo } from "./photos.ts";

/** What was found in the photo that is edited, for a model of aligned faces. */
interface FaceLook {
  readonly photo: Photo | undefined;
  /** undefined as long as it is looked for. */
  readonly faces: readonly FoundFace[] | undefined;
  /** Why nothing could be looked for. */
  readonly problem: string | undefined;
  /** Whether the person is choosing among several. */
  readonly choosing: boolean;
}

const nothing: FaceLook = { photo: undefined, faces: undefined, problem: undefined, choosing: false };

export const useFaceLook = create<FaceLook>(() => nothing);

/** Begins with a photo: placed by its largest face where the model knows aligned faces and one is found. */
export async function openPhotoInEdit(photo: Photo): Promise<void> {
  const gesture = `open ${photo.id}`;
  editPhoto(photo, gesture);
  await lookForFace(photo, gesture);
}

/** @param gesture the step of undo that placing the photo belongs to */
async function lookForFace(photo: Photo, gesture?: string): Promise<void> {
  const template = modelNow().config.align;
  if (!template) return;
  const before = editNow().placement;
  useFaceLook.setState({ ...nothing, photo });
  const isNewest = () => useFaceLook.getState().photo === photo;
  try {
    const faces = await facesOf(photo);
    if (!isNewest()) return;
    useFaceLook.setState({ faces, choosing: faces.length > 1 });
    // Whoever has placed it meanwhile knows better.
    if (faces[0] && editNow().placement === before) placeBy(faces[0], template, gesture);
  } catch (error) {
    if (isNewest()) useFaceLook.setState({ problem: (error as Error).message });
  }
}

/** After another model was opened: looks in a photo that was kept where it was not done yet. */
export function lookAgain(): void {
  const { source } = editNow();
  if (source?.kind === "photo" && useFaceLook.getState().photo !== source.photo) void lookForFace(source.photo);
}

/** Takes one of several faces. */
export function chooseFace(face: FoundFace): void {
  const template = modelNow().config.align;
  useFaceLook.setState({ choosing: false });
  if (template) placeBy(face, template);
}

function placeBy(face: FoundFace, template: FaceTemplate, gesture?: string): void {
  edit({ placement: placementOfFace(face.points, template), refined: undefined }, gesture);
}

/** Where a photo lies at first: by its largest face; without one, or for a model without a template, in the middle. */
export async function firstPlacement(photo: Photo): Promise<Placement> {
  const template = modelNow().config.align;
  const [largest] = template ? await facesOf(photo) : [];
  return template && largest ? placementOfFace(largest.points, template) : middleSquare(photo);
}
