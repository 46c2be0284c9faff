import "./corner-slots.css";
import { Dices, X } from "lucide-react";
import { savedOf, usePictures } from "../edit/pictures.ts";
import { randomSeed, sampleOf } from "../state/samples.ts";
import { type Saved, setCorner, useShelf } from "../state/shelf.ts";
import { IconButton } from "../ui/button.tsx";
import { SavedPicture } from "../ui/latent-picture.tsx";

const names = ["Top left", "Top right", "Bottom left", "Bottom right"];

/** What lies at the corners. */
export function CornerSlots() {
  const corners = useShelf((shelf) => shelf.corners);
  return (
    <section className="corner-slots" aria-label="Corners">
      <ol>
        {corners.map((corner, i) => (
          <Slot key={names[i]} corner={corner} index={i} />
        ))}
      </ol>
      <p className="soft">
        Press M on any picture in <a href="#explore">Explore</a>, or put an edit here from <a href="#edit">Edit</a>. Two
        or three corners do as well.
      </p>
    </section>
  );
}

function Slot({ corner, index }: { readonly corner: Saved | undefined; readonly index: number }) {
  const name = names[index] as string;
  const { pictures } = usePictures();
  return (
    <li className="corner-slot">
      {corner ? (
        <SavedPicture saved={corner} label={`${name}: ${corner.name}`} />
      ) : (
        <button
          type="button"
          className="corner-add"
          disabled={!pictures}
          onClick={() => pictures && setCorner(savedOf(pictures), index)}
        >
          The edit
        </button>
      )}
      <div>
        <p>{name}</p>
        <p className="soft clip">{corner?.name ?? "empty"}</p>
        <IconButton
          icon={Dices}
          label={`Another sample, ${name.toLowerCase()}`}
          onClick={() => setCorner(sampleOf(randomSeed()), index)}
        />
        {corner && (
          <IconButton icon={X} label={`Clear ${name.toLowerCase()}`} onClick={() => setCorner(undefined, index)} />
        )}
      </div>
    </li>
  );
}
