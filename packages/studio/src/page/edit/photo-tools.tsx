import "./photo-tools.css";
import { Square, WandSparkles } from "lucide-react";
import { edit, editEnded, useEdit } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { Button } from "../ui/button.tsx";
import { Slider } from "../ui/slider.tsx";
import { usePictures } from "./pictures.ts";
import { refineSteps, startRefining, stopRefining, useRefining } from "./refining.ts";

/** What there is for photos only: staying close to them. */
export function PhotoTools() {
  const { detail, placement } = useEdit(({ present }) => present);
  const { hasEncoder } = useModel();
  const { pictures } = usePictures();
  const { running, step, outcome } = useRefining();
  const said = outcome?.of === placement ? outcome?.text : undefined;
  return (
    <section className="photo-tools" aria-label="The photo">
      <Slider
        label="Keep photo detail"
        value={detail}
        min={0}
        max={1}
        step={0.01}
        format={(value) => `${Math.round(100 * value)} %`}
        note="What the edit does not touch stays the photo."
        onChange={(value) => edit({ detail: value }, "detail")}
        onEnd={editEnded}
      />
      <div className="refine">
        {running ? (
          <Button icon={Square} onClick={stopRefining}>
            Stop
          </Button>
        ) : (
          <Button icon={WandSparkles} disabled={!pictures?.photo || !hasEncoder} onClick={() => void startRefining()}>
            Refine
          </Button>
        )}
        {running ? (
          <progress value={step} max={refineSteps} aria-label="Refining" />
        ) : (
          <p className="soft" role="status">
            {said ?? "Brings the reconstruction closer."}
          </p>
        )}
      </div>
    </section>
  );
}
