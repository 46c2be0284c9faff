import { ChevronLeft, Dices } from "lucide-react";
import { randomSeed } from "../state/samples.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Segmented } from "../ui/segmented.tsx";
import { Slider } from "../ui/slider.tsx";
import { type ExploreView, showSamples, showView, showWall, useExplore } from "./explore-state.ts";

/** Which wall it is: a seed, or neighbours of a picture and how near they are. */
export function ExploreBar() {
  const { of, view } = useExplore();
  const { near, radius } = of;
  if (view === "axes") {
    return (
      <header className="explore-bar">
        <div className="explore-words">
          <h1>What varies most</h1>
          <p className="soft">Walk along it on the map or with the sliders, and name what you find.</p>
        </div>
        <Views view={view} />
      </header>
    );
  }
  return (
    <header className="explore-bar">
      <div className="explore-words">
        <h1>{near ? "More like this" : "None of these exist"}</h1>
        <p className="soft">
          {near
            ? `Neighbours of “${near.name}” in latent space.`
            : "The model made them up. Click one to edit it; M puts it on the morph pad, L shows more like it, F keeps it."}
        </p>
      </div>
      {near ? (
        <>
          <div className="explore-radius">
            <Slider
              label="Radius"
              value={radius}
              min={0.05}
              max={1}
              step={0.05}
              rest={0.35}
              format={(value) => `${Math.round(value * 100)} %`}
              onChange={(next) => showWall({ radius: next })}
            />
          </div>
          <Button icon={ChevronLeft} onClick={showSamples}>
            All samples
          </Button>
        </>
      ) : (
        <>
          <Views view={view} />
          <Seed seed={of.seed} />
        </>
      )}
    </header>
  );
}

function Views({ view }: { readonly view: ExploreView }) {
  const options = { samples: "Samples", axes: "Axes" } as const;
  return <Segmented label="What is explored" value={view} options={options} onChange={showView} />;
}

function Seed({ seed }: { readonly seed: number }) {
  const show = (next: number) => {
    if (Number.isSafeInteger(next) && next >= 0) showWall({ seed: next });
  };
  return (
    <div className="seed">
      <label htmlFor="seed" className="soft">
        Seed
      </label>
      <input
        id="seed"
        type="number"
        min={0}
        step={1}
        value={seed}
        onChange={(event) => show(event.currentTarget.valueAsNumber)}
      />
      <IconButton icon={Dices} label="Another seed" onClick={() => show(randomSeed())} />
    </div>
  );
}
