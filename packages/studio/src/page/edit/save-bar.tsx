import "./save-bar.css";
import { Blend, Copy, Download, Star } from "lucide-react";
import { ManyPhotos } from "../batch/many-photos.tsx";
import { useEdit } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { notify, report } from "../state/notices.ts";
import { goTo } from "../state/route.ts";
import { isFavourite, setCorner, toggleFavourite, useShelf } from "../state/shelf.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { savedOf, usePictures } from "./pictures.ts";
import { copyPicture, savePhoto, saveSquare } from "./save.ts";

/** What becomes of the result. */
export function SaveBar() {
  const { pictures } = usePictures();
  const favourites = useShelf((shelf) => shelf.favourites);
  const isPhoto = useEdit(({ present }) => present.source?.kind === "photo");
  const { hasEncoder } = useModel();
  if (!pictures) return null;
  const saved = savedOf(pictures);
  const tell = (work: Promise<unknown>, text: string) => work.then(() => notify("done", text), report);
  return (
    <section className="save-bar" aria-label="Save">
      {isPhoto && (
        <Button primary icon={Download} onClick={() => void tell(savePhoto(), "The photo with the edit is saved")}>
          Save photo
        </Button>
      )}
      <Button
        primary={!isPhoto}
        icon={Download}
        onClick={() => void tell(saveSquare(), "The picture is saved; drop it here to go on with it")}
      >
        Save picture
      </Button>
      {hasEncoder && <ManyPhotos />}
      <span className="save-bar-end">
        <IconButton icon={Copy} label="Copy the picture" onClick={() => void tell(copyPicture(), "Copied")} />
        <IconButton
          icon={Star}
          label="Keep among the favourites"
          pressed={isFavourite(favourites, saved)}
          onClick={() => toggleFavourite(saved)}
        />
        <IconButton
          icon={Blend}
          label="Put it on the morph pad"
          onClick={() => {
            setCorner(saved);
            goTo("morph");
          }}
        />
      </span>
    </section>
  );
}
