import { ImagePlus } from "lucide-react";
import { useRef, useState } from "react";
import { similarityOf } from "../image/placement.ts";
import { encodeInLine } from "../state/engines.ts";
import { firstPlacement } from "../state/faces.ts";
import { useModel } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { closePhoto, openPhoto, squareOf } from "../state/photos.ts";
import { Button } from "../ui/button.tsx";
import { FileInput } from "../ui/file-input.tsx";
import { addPictures } from "./teach-state.ts";

/** Photos of one's own among the pictures to sort: placed by their faces, or their middle squares. */
export function AddPhotos() {
  const input = useRef<HTMLInputElement>(null);
  const { hasEncoder } = useModel();
  const [busy, setBusy] = useState(false);
  if (!hasEncoder) return null;
  const add = async (files: readonly File[]) => {
    setBusy(true);
    for (const file of files) await addPhoto(file).catch(report);
    setBusy(false);
  };
  return (
    <>
      <Button icon={ImagePlus} disabled={busy} onClick={() => input.current?.click()}>
        {busy ? "Adding…" : "Add photos"}
      </Button>
      <FileInput ref={input} label="Add photos" accept="image/*" multiple onFiles={(files) => void add(files)} />
    </>
  );
}

async function addPhoto(file: File): Promise<void> {
  const photo = await openPhoto(file, file.name);
  try {
    const planes = await squareOf(photo, similarityOf(await firstPlacement(photo)));
    const latent = await encodeInLine(planes);
    addPictures([{ name: `${file.name} ${photo.id}`, latent, planes }]);
  } finally {
    closePhoto(photo);
  }
}
