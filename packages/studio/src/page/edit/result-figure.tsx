import { blend, editedShare } from "../image/mask.ts";
import { useEdit } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { Picture } from "../ui/picture.tsx";
import { usePictures } from "./pictures.ts";
import { Quality } from "./quality.tsx";
import type { Pictures } from "./render.ts";
import { sourceName } from "./source-name.ts";
import { useView } from "./use-edit-keys.ts";

/** What the model makes of the photo, edited; while it or Space is held, before the edit. */
export function ResultFigure() {
  const { config } = useModel();
  const { pictures } = usePictures();
  const present = useEdit((history) => history.present);
  const { before, enlarge } = useView();
  const size = `${config.resolution}×${config.resolution}`;
  const shown = pictures && (before ? beforeOf(pictures, present.detail) : pictures.result);
  const isPhoto = present.source?.kind === "photo";
  return (
    <figure className="result" aria-busy={pictures?.of !== present}>
      <div
        className="held"
        onPointerDown={({ button }) => button === 0 && show(true)}
        onPointerUp={() => show(false)}
        onPointerCancel={() => show(false)}
        onPointerLeave={() => show(false)}
      >
        <Picture
          planes={shown}
          side={config.resolution}
          enlarge={enlarge}
          label={before ? "Before the edit" : "The result"}
        />
      </div>
      <figcaption>
        <span>{before ? "Before" : isPhoto ? "The model" : sourceName(present)}</span>
        <span className="soft">
          {size} · hold it or <kbd>Space</kbd> for before
        </span>
      </figcaption>
      {isPhoto && <Quality error={pictures?.error} placement={present.placement} source={present.source} />}
    </figure>
  );
}

const show = (before: boolean) => useView.setState({ before });

/** The same without the edit: nothing changed, so that all of the photo is kept that is kept at all. */
export function beforeOf({ photo, reconstruction }: Pictures, detail: number): Float32Array {
  if (!photo) return reconstruction;
  return blend(photo, reconstruction, editedShare(new Float32Array(photo.length / 3), detail));
}
