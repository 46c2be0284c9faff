import { useEffect, useMemo, useState } from "react";
import { useModel } from "../state/models.ts";
import { editedLatent, type Saved, useShelf } from "../state/shelf.ts";
import { pictureOf, wantPicture } from "./gallery.ts";
import { Picture } from "./picture.tsx";

interface LatentPictureProps {
  readonly latent: Float32Array;
  readonly label: string;
}

/** What the model makes of a latent. */
export function LatentPicture({ latent, label }: LatentPictureProps) {
  const model = useModel();
  const [, redraw] = useState(0);
  const planes = pictureOf(latent);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another model makes another picture of the same latent
  useEffect(() => {
    if (pictureOf(latent) === undefined) return wantPicture(latent, () => redraw((count) => count + 1));
    return undefined;
  }, [latent, model]);
  return <Picture planes={planes} side={model.config.resolution} label={label} />;
}

/** A picture that was kept, with its strengths. */
export function SavedPicture({ saved, label }: { readonly saved: Saved; readonly label: string }) {
  return <LatentPicture latent={useEdited(saved)} label={label} />;
}

/** The latent of a kept picture after its edit: the same array as long as nothing changes. */
function useEdited({ latent, strengths }: Saved): Float32Array {
  const taught = useShelf((shelf) => shelf.taught);
  // biome-ignore lint/correctness/useExhaustiveDependencies: editedLatent reads what was taught
  return useMemo(() => editedLatent(latent, strengths), [latent, strengths, taught]);
}
