import { Download, HardDriveDownload, HelpCircle, SlidersHorizontal } from "lucide-react";
import { edit as move, reachOf, stripStrengths } from "pioneer-runtime/internal";
import { useMemo } from "react";
import { hasServer } from "../api/client.ts";
import { usePictures } from "../edit/pictures.ts";
import { notify, report } from "../state/notices.ts";
import { goTo } from "../state/route.ts";
import { type Direction, teach as keep } from "../state/shelf.ts";
import { Button } from "../ui/button.tsx";
import { LatentPicture } from "../ui/latent-picture.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { downloadDirections, saveIntoModel } from "./save-direction.ts";
import { leastSorted, setMethod, showUnsure, useTeach } from "./teach-state.ts";

/** What was learned so far: how well it tells new pictures, what it does to one, and where it may go. */
export function Lesson() {
  const { taught, answers, method } = useTeach();
  const missing = (which: boolean) =>
    Math.max(0, leastSorted - [...answers.values()].filter((has) => has === which).length);
  return (
    <aside className="lesson" aria-label="What was learned">
      <h2>What it learned</h2>
      {taught ? (
        <>
          <Score taught={taught} />
          <Strip taught={taught} />
          <Segmented
            label="How it is fitted"
            value={method}
            options={{ linear: "Regression", mean: "Difference of means" }}
            onChange={setMethod}
          />
          <Actions taught={taught} />
        </>
      ) : (
        <p className="soft">
          {missing(true) > 0 && `${missing(true)} more with it`}
          {missing(true) > 0 && missing(false) > 0 && ", "}
          {missing(false) > 0 && `${missing(false)} more without`}, and there is a first direction.
        </p>
      )}
    </aside>
  );
}

function Score({ taught }: { readonly taught: Direction }) {
  const { heldOut, fitted } = taught;
  if (!heldOut) return <p className="soft">Five pictures a side, and it is measured on those left out.</p>;
  return (
    <div>
      <p className="lesson-score">{Math.round(100 * heldOut.value)} %</p>
      <p className="soft">
        right on pictures that were left out, of {fitted?.count}. Guessing gives 50 %.
        {heldOut.value < 0.65 && " That is little more: sort more pictures, or look for something that is seen better."}
      </p>
    </div>
  );
}

/** What it does to the picture being edited, or to the first one shown. */
function Strip({ taught }: { readonly taught: Direction }) {
  const edited = usePictures(({ pictures }) => pictures?.latent);
  const first = useTeach(({ pictures }) => pictures[0]?.latent);
  const latent = edited ?? first;
  const steps = useMemo(() => {
    if (!latent) return [];
    const file = { format: 1, latent: latent.length, directions: { it: taught } };
    return stripStrengths(reachOf(taught)).map((strength) => ({
      strength: Number(strength.toFixed(2)),
      moved: move(latent, { it: strength }, file),
    }));
  }, [latent, taught]);
  return (
    <div className="lesson-strip">
      {steps.map(({ strength, moved }) => (
        <figure key={strength}>
          <LatentPicture latent={moved} label={`Strength ${strength}`} />
          <figcaption>{strength}</figcaption>
        </figure>
      ))}
    </div>
  );
}

function Actions({ taught }: { readonly taught: Direction }) {
  const name = useTeach((state) => state.name.trim());
  const named = (use: () => void) => () => {
    if (name) use();
    else notify("problem", "Name the attribute first: its slider needs a name");
  };
  return (
    <>
      <Button icon={HelpCircle} onClick={() => void showUnsure().catch(report)}>
        Ask me about 10 it is unsure of
      </Button>
      <div className="lesson-actions">
        <Button
          primary
          icon={SlidersHorizontal}
          onClick={named(() => {
            keep(name, taught);
            goTo("edit");
          })}
        >
          Use it
        </Button>
        {hasServer() && (
          <Button icon={HardDriveDownload} onClick={named(() => void saveIntoModel(name, taught))}>
            Save into the model
          </Button>
        )}
        <Button icon={Download} onClick={named(() => downloadDirections(name, taught))}>
          Download
        </Button>
      </div>
    </>
  );
}
