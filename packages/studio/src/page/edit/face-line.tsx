import { useFaceLook } from "../state/faces.ts";
import type { Photo } from "../state/photos.ts";

/** What came of looking for a face, in a line. */
export function FaceLine({ photo }: { readonly photo: Photo }) {
  const look = useFaceLook();
  return (
    <p className="soft face-line" role="status">
      {look.photo === photo ? lineOf(look) : ""}
    </p>
  );
}

function lineOf({ faces, problem, choosing }: ReturnType<typeof useFaceLook.getState>): string {
  const byHand = "place the photo by hand";
  if (problem !== undefined) return `Faces cannot be found (${problem}): ${byHand}.`;
  if (!faces) return "Looking for a face…";
  if (faces.length === 0) return `No face is found: ${byHand}.`;
  if (faces.length === 1) return "The face was found, and the photo placed by it.";
  return `${faces.length} faces are found. ${choosing ? "Choose one; the largest is taken now." : "The photo is placed by one."}`;
}
