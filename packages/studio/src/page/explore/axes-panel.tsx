import "../ui/entry.css";
import "./axes-panel.css";
import { Dices, Pencil, RotateCcw, Ruler, SlidersHorizontal, Square } from "lucide-react";
import { useEffect, useId, useMemo } from "react";
import { usePictures } from "../edit/pictures.ts";
import { editLatent } from "../state/edit.ts";
import { useModel } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { goTo } from "../state/route.ts";
import { randomSeed, sampleOf } from "../state/samples.ts";
import { editedLatent } from "../state/shelf.ts";
import { Button } from "../ui/button.tsx";
import { Pad, padCells } from "../ui/pad.tsx";
import { Picture } from "../ui/picture.tsx";
import { strongest } from "../ui/strength-slider.tsx";
import { useDragged } from "../ui/use-dragged.ts";
import {
  type Axis,
  backToBase,
  beginAt,
  beginAxes,
  findAxes,
  latentAlong,
  layOut,
  stopFinding,
  useAxes,
  useNamedAxes,
  walk,
  walkEnded,
} from "./axes-state.ts";
import { AxisRow } from "./axis-row.tsx";

/** Pictures along what varies most among them: a pad over two axes, a slider for each, and names for them. */
export function AxesPanel() {
  const { key } = useModel();
  const axes = useNamedAxes();
  // biome-ignore lint/correctness/useExhaustiveDependencies: each model has axes of its own
  useEffect(() => void beginAxes().catch(report), [key]);
  return axes.length > 1 ? <Walk axes={axes} /> : <Finding />;
}

function Finding() {
  const { finding } = useAxes();
  return (
    <section className="axes-empty" aria-label="Axes">
      <p>
        The model makes some hundreds of pictures, and what differs most among them becomes axes to walk along. It takes
        no labels. Those that mean something to you get a name, and are sliders in Edit then.
      </p>
      {finding ? (
        <>
          <progress value={finding.done} max={finding.total} aria-label="Pictures looked at" />
          <Button icon={Square} onClick={stopFinding}>
            Stop
          </Button>
        </>
      ) : (
        <Button primary icon={Ruler} onClick={() => void findAxes()}>
          Find the axes
        </Button>
      )}
    </section>
  );
}

function Walk({ axes }: { readonly axes: readonly Axis[] }) {
  const { base, strengths, settled, across, down } = useAxes();
  const { config } = useModel();
  const latent = useMemo(() => base && latentAlong(base, axes, strengths), [base, axes, strengths]);
  const planes = useDragged("axes", latent);
  const cells = useMemo(
    () => (base ? mapOf((at) => latentAlong(base, axes, at), settled, across, down) : []),
    [base, axes, settled, across, down],
  );
  const [x, y] = [shareOf(strengths[across]), 1 - shareOf(strengths[down])];
  const nameOf = (index: number) => axes[index]?.name ?? "";
  return (
    <div className="axes">
      <div className="axes-pad">
        <Pad
          cells={cells}
          x={x}
          y={y}
          label="The place on the map"
          words={`${nameOf(across)} ${spread(strengths[across])}, ${nameOf(down)} ${spread(strengths[down])}`}
          onMove={(toX, toY) => walk({ [across]: strengthAt(toX), [down]: strengthAt(1 - toY) })}
          onEnd={walkEnded}
        />
        <div className="axes-choice">
          <AxisChoice label="Across" value={across} axes={axes} onChange={(axis) => layOut("across", axis)} />
          <AxisChoice label="Up" value={down} axes={axes} onChange={(axis) => layOut("down", axis)} />
        </div>
      </div>
      <figure>
        <Picture planes={planes} side={config.resolution} enlarge="smooth" label="The picture there" />
        <figcaption>
          <Button icon={Pencil} disabled={!latent} onClick={() => latent && editThere(latent)}>
            Edit this
          </Button>
          <Button icon={RotateCcw} disabled={strengths.every((value) => value === 0)} onClick={backToBase}>
            Back
          </Button>
          <Base />
        </figcaption>
      </figure>
      <section className="axes-list" aria-label="Axes">
        {axes.map((axis, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: axes never change places
          <AxisRow key={i} axis={axis} index={i} strength={strengths[i] ?? 0} />
        ))}
      </section>
    </div>
  );
}

/** Where the walk begins. */
function Base() {
  const { pictures } = usePictures();
  return (
    <>
      <Button icon={Dices} onClick={() => beginAt(sampleOf(randomSeed()).latent)}>
        Another
      </Button>
      {pictures && (
        <Button icon={SlidersHorizontal} onClick={() => beginAt(editedLatent(pictures.latent, pictures.of.strengths))}>
          From the edit
        </Button>
      )}
    </>
  );
}

interface AxisChoiceProps {
  readonly label: string;
  readonly value: number;
  readonly axes: readonly Axis[];
  readonly onChange: (axis: number) => void;
}

function AxisChoice({ label, value, axes, onChange }: AxisChoiceProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="soft">
        {label}
      </label>
      <select id={id} className="entry" value={value} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {axes.map(({ name }, i) => (
          <option key={name} value={i}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function editThere(latent: Float32Array): void {
  editLatent({ name: "along the axes", latent, strengths: {} });
  goTo("edit");
}

/** From a strength to a place on the pad, 0..1, and back. */
const shareOf = (strength = 0) => (strength / strongest + 1) / 2;
const strengthAt = (share: number) => strongest * (2 * share - 1);
const spread = (strength = 0) => `${strength > 0 ? "+" : ""}${strength.toFixed(1)}`;

/** Latents of the pad's pictures. */
function mapOf(
  at: (strengths: readonly number[]) => Float32Array,
  strengths: readonly number[],
  across: number,
  down: number,
): Float32Array[] {
  const share = (i: number) => i / (padCells - 1);
  return Array.from({ length: padCells * padCells }, (_, i) => {
    const place = [...strengths];
    place[across] = strengthAt(share(i % padCells));
    place[down] = strengthAt(1 - share(Math.floor(i / padCells)));
    return at(place);
  });
}
