import { shareBeyond } from "pioneer-runtime";
import { type Placement, similarityOf } from "../image/placement.ts";
import type { Source } from "../state/edit.ts";

interface QualityProps {
  /** Mean |photo - reconstruction|, in [-1, 1]. */
  readonly error: number | undefined;
  readonly placement: Placement | undefined;
  readonly source: Source | undefined;
}

/** Up to these errors a reconstruction is called close, or rough. By eye, of aligned 64x64 faces. */
const [close, rough] = [0.07, 0.12];

/** An honest word about the reconstruction. */
export function Quality({ error, placement, source }: QualityProps) {
  if (error === undefined) return null;
  const beyond = source?.kind === "photo" && placement ? shareBeyond(source.photo, similarityOf(placement)) : 0;
  return (
    <p className="quality" data-poor={error > rough}>
      {wordsOf(error)}
      {beyond > 0.03 && ` ${Math.round(100 * beyond)} % of the square lies beyond the photo.`}
    </p>
  );
}

function wordsOf(error: number): string {
  const off = `${(50 * error).toFixed(1)} % off on average`;
  if (error <= close) return `Close to the photo: ${off}.`;
  if (error <= rough) return `A rough likeness: ${off}. Refine brings it closer.`;
  return `The model does not know this picture well: ${off}. Place it as its training photos were, refine, or keep photo detail.`;
}
