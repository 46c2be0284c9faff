import "./grids.css";
import { X } from "lucide-react";
import type { Grid } from "../../shared/runs.ts";
import { IconButton } from "../ui/button.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { GridPicture } from "./grid-picture.tsx";
import { gridAt } from "./moments.ts";
import { togglePin, useWatch } from "./watch-state.ts";

const kindNames: Record<string, string> = {
  samples: "Samples",
  recons: "Reconstructions",
  morphs: "Morphs",
  reals: "Photos",
};

interface GridsProps {
  readonly run: string;
  readonly grids: readonly Grid[];
  readonly kimg: number;
}

/** The pictures of a moment, and of the pinned ones beside it. */
export function Grids({ run, grids, kimg }: GridsProps) {
  const { kind, pins, data } = useWatch();
  const kinds = Object.keys(kindNames).filter((each) => grids.some((grid) => grid.kind === each));
  const shown = gridAt(grids, kind, kimg);
  if (kinds.length === 0) return <p className="soft">No pictures were written yet.</p>;
  return (
    <div className="grids">
      <Segmented
        label="Which pictures"
        value={kind}
        options={Object.fromEntries(kinds.map((each) => [each, kindNames[each] as string]))}
        onChange={(next) => useWatch.setState({ kind: next })}
      />
      <div className="grids-row">
        {shown && (
          <figure>
            <GridPicture run={run} grids={grids} grid={shown} />
            <figcaption className="soft">{momentOf(run, shown)}</figcaption>
          </figure>
        )}
        {pins.map((pin) => {
          const own = data[pin.run]?.grids ?? [];
          const pinned = gridAt(own, kind, pin.kimg);
          return (
            pinned && (
              <figure key={`${pin.run} ${pin.kimg}`}>
                <GridPicture run={pin.run} grids={own} grid={pinned} />
                <figcaption className="soft">
                  Pinned: {momentOf(pin.run, pinned)}
                  <IconButton icon={X} label={`Unpin ${momentOf(pin.run, pinned)}`} onClick={() => togglePin(pin)} />
                </figcaption>
              </figure>
            )
          );
        })}
      </div>
    </div>
  );
}

const momentOf = (run: string, { kimg }: Grid) =>
  kimg === null ? `${run}, held-out photos` : `${run} at ${kimg} kimg`;
