import "./morph-panel.css";
import { Pencil, Star } from "lucide-react";
import { latentGrid, latentRow } from "pioneer-runtime";
import { useEffect, useMemo } from "react";
import { editLatent } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { goTo } from "../state/route.ts";
import { isFavourite, toggleFavourite, useShelf } from "../state/shelf.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Pad, padCells } from "../ui/pad.tsx";
import { Picture } from "../ui/picture.tsx";
import { useDragged } from "../ui/use-dragged.ts";
import { CornerSlots } from "./corner-slots.tsx";
import { type Four, latentAt, latentsOf, squareOfCorners } from "./corners.ts";
import { ExportBar } from "./export-bar.tsx";
import { inviteIfEmpty, moveTo, useMorph } from "./morph-state.ts";
import { PlayButton } from "./play-button.tsx";

/** Two to four pictures at the corners of a pad, and what lies between them. */
export function MorphPanel() {
  const { config, key } = useModel();
  const corners = useShelf((shelf) => shelf.corners);
  const { x, y } = useMorph();
  const latents = useMemo(() => latentsOf(corners), [corners]);
  const square = useMemo(() => squareOfCorners(latents), [latents]);
  const latent = useMemo(() => square && latentAt(square, x, y), [square, x, y]);
  const planes = useDragged("morph", latent);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each model's pad begins with samples of its own
  useEffect(inviteIfEmpty, [key]);
  return (
    <div className="morph">
      <header className="morph-header">
        <h1>Between them</h1>
        <p className="soft">Drag the point: the picture follows along great circles of the latent sphere.</p>
      </header>
      <div className="morph-pair">
        {square ? (
          <MorphPad square={square} />
        ) : (
          <p className="morph-empty">Put at least two pictures on the corners.</p>
        )}
        <figure>
          <Picture planes={planes} side={config.resolution} enlarge="smooth" label="The picture at the point" />
          <figcaption>
            <PlayButton count={latents.length} />
            {latent && <PointTools latent={latent} x={x} y={y} />}
          </figcaption>
        </figure>
      </div>
      <CornerSlots />
      <ExportBar latents={latents} />
    </div>
  );
}

function MorphPad({ square }: { readonly square: Four }) {
  const { x, y } = useMorph();
  const cells = useMemo(() => {
    const grid = latentGrid(square, padCells);
    return Array.from({ length: padCells * padCells }, (_, i) => latentRow(grid, square[0].length, i));
  }, [square]);
  return (
    <Pad
      cells={cells}
      x={x}
      y={y}
      label="The point on the pad"
      words={`${Math.round(100 * x)} % across, ${Math.round(100 * y)} % down`}
      onMove={(toX, toY) => {
        useMorph.setState({ playing: false });
        moveTo(toX, toY);
      }}
    />
  );
}

function PointTools({ latent, x, y }: { readonly latent: Float32Array; readonly x: number; readonly y: number }) {
  const favourites = useShelf((shelf) => shelf.favourites);
  const picture = { name: `morph ${Math.round(100 * x)}, ${Math.round(100 * y)}`, latent, strengths: {} };
  return (
    <>
      <Button
        icon={Pencil}
        onClick={() => {
          editLatent(picture);
          goTo("edit");
        }}
      >
        Edit this
      </Button>
      <IconButton
        icon={Star}
        label="Keep among the favourites"
        pressed={isFavourite(favourites, picture)}
        onClick={() => toggleFavourite(picture)}
      />
    </>
  );
}
