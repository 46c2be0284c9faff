import { Check, X } from "lucide-react";
import { memo } from "react";
import { useModel } from "../state/models.ts";
import { LatentPicture } from "../ui/latent-picture.tsx";
import { Picture } from "../ui/picture.tsx";
import { answer, type Shown } from "./teach-state.ts";

interface SortTilesProps {
  readonly pictures: readonly Shown[];
  readonly answers: ReadonlyMap<Shown, boolean>;
  /** What a click says. */
  readonly brush: boolean;
}

/** A click says what the brush says, a second one takes it back; Y and N say it by key. */
export function SortTiles({ pictures, answers, brush }: SortTilesProps) {
  return (
    <ul className="sort-tiles">
      {pictures.map((picture) => (
        <li key={picture.name}>
          <SortTile picture={picture} has={answers.get(picture)} brush={brush} />
        </li>
      ))}
    </ul>
  );
}

interface SortTileProps {
  readonly picture: Shown;
  readonly has: boolean | undefined;
  readonly brush: boolean;
}

const words = (has: boolean | undefined) => (has === undefined ? "not sorted" : has ? "has it" : "has it not");

const SortTile = memo(function SortTile({ picture, has, brush }: SortTileProps) {
  const { config } = useModel();
  const { name, latent, planes } = picture;
  return (
    <button
      type="button"
      className="picture-button sort-tile"
      data-answer={has === undefined ? undefined : has ? "yes" : "no"}
      aria-label={`${name}: ${words(has)}`}
      aria-keyshortcuts="y n"
      onClick={() => answer(picture, has === brush ? undefined : brush)}
      onKeyDown={({ key }) => {
        if (key === "y" || key === "n") answer(picture, key === "y");
        else if (key === "Backspace" || key === "Delete") answer(picture, undefined);
      }}
    >
      {planes ? (
        <Picture planes={planes} side={config.resolution} label={name} />
      ) : (
        <LatentPicture latent={latent} label={name} />
      )}
      {has !== undefined && (
        <span className="sort-mark" aria-hidden>
          {has ? <Check size={15} strokeWidth={2.5} /> : <X size={15} strokeWidth={2.5} />}
        </span>
      )}
    </button>
  );
});
