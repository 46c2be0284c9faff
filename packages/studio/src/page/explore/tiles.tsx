import "./tiles.css";
import { Blend, Orbit, Star } from "lucide-react";
import { type KeyboardEvent, memo, useRef, useState } from "react";
import { editLatent } from "../state/edit.ts";
import { notify } from "../state/notices.ts";
import { goTo } from "../state/route.ts";
import { editedLatent, isFavourite, type Saved, setCorner, toggleFavourite, useShelf } from "../state/shelf.ts";
import { IconButton } from "../ui/button.tsx";
import { SavedPicture } from "../ui/latent-picture.tsx";
import { arrows } from "../ui/pointing.ts";
import { showWall } from "./explore-state.ts";

interface TilesProps {
  readonly pictures: readonly Saved[];
  readonly label: string;
}

/** Pictures edge to edge. Arrow keys go from one to the next, letters do what the small buttons do. */
export function Tiles({ pictures, label }: TilesProps) {
  const list = useRef<HTMLUListElement>(null);
  const [current, setCurrent] = useState(0);
  const onKeyDown = (event: KeyboardEvent) => {
    const tiles = [...(list.current?.querySelectorAll<HTMLElement>(".tile-face") ?? [])];
    const at = tiles.indexOf(event.target as HTMLElement);
    const picture = pictures[at];
    if (!picture || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = actions[event.key.toLowerCase()];
    const arrow = arrows[event.key];
    const next = arrow && tiles[at + arrow[0] + arrow[1] * columnsOf(tiles)];
    if (act) act(picture);
    else if (next) {
      event.preventDefault();
      next.focus();
    }
  };
  return (
    <ul className="tiles" ref={list} aria-label={label} onKeyDown={onKeyDown}>
      {pictures.map((picture, i) => (
        <li key={keyOf(picture)} className="tile" onFocus={() => setCurrent(i)}>
          <Tile picture={picture} isCurrent={i === Math.min(current, pictures.length - 1)} />
        </li>
      ))}
    </ul>
  );
}

/** Two that were kept may have one name. */
const keyOf = ({ name, latent, strengths }: Saved) => `${name} ${latent[0]} ${JSON.stringify(strengths)}`;

const start = (picture: Saved) => {
  editLatent(picture);
  goTo("edit");
};

const toMorph = (picture: Saved) => {
  setCorner(picture);
  notify("done", `“${picture.name}” is on the morph pad`);
};

const moreLike = (picture: Saved) => {
  showWall({ near: { name: picture.name, latent: editedLatent(picture.latent, picture.strengths) } });
  scrollTo({ top: 0 });
};

const actions: Record<string, (picture: Saved) => void> = { m: toMorph, l: moreLike, f: toggleFavourite };

function columnsOf(tiles: readonly HTMLElement[]): number {
  const top = tiles[0]?.getBoundingClientRect().top;
  const columns = tiles.findIndex((tile) => tile.getBoundingClientRect().top !== top);
  return columns === -1 ? tiles.length : columns;
}

const Tile = memo(function Tile({ picture, isCurrent }: { readonly picture: Saved; readonly isCurrent: boolean }) {
  const kept = useShelf(({ favourites }) => isFavourite(favourites, picture));
  const { name } = picture;
  return (
    <>
      <button
        type="button"
        className="picture-button tile-face"
        tabIndex={isCurrent ? 0 : -1}
        aria-label={`Edit ${name}`}
        aria-keyshortcuts="m l f"
        onClick={() => start(picture)}
      >
        <SavedPicture saved={picture} label={name} />
      </button>
      <span className="tile-tools">
        <IconButton
          tabIndex={-1}
          icon={Blend}
          label="Put it on the morph pad"
          hint="M"
          onClick={() => toMorph(picture)}
        />
        <IconButton tabIndex={-1} icon={Orbit} label="More like this" hint="L" onClick={() => moreLike(picture)} />
        <IconButton
          tabIndex={-1}
          icon={Star}
          label="Favourite"
          hint="F"
          pressed={kept}
          onClick={() => toggleFavourite(picture)}
        />
      </span>
    </>
  );
});
