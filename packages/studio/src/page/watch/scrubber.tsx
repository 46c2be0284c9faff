import "../ui/range.css";
import "./scrubber.css";
import type { CSSProperties, KeyboardEvent } from "react";
import type { Grid, RunSummary, Tick } from "../../shared/runs.ts";
import { lastKimg, neighbourMoment } from "./moments.ts";
import { scrubTo, useWatch } from "./watch-state.ts";

interface ScrubberProps {
  readonly ticks: readonly Tick[];
  readonly grids: readonly Grid[];
  readonly checkpoints: RunSummary["checkpoints"];
  readonly kimg: number;
}

/** One scrubber for curves and pictures. Left and right go from one picture to the next. */
export function Scrubber({ ticks, grids, checkpoints, kimg }: ScrubberProps) {
  const kind = useWatch((state) => state.kind);
  const last = lastKimg(ticks);
  if (last === 0) return <p className="soft">Nothing was logged yet.</p>;
  const at = (value: number) => ({ "--share": value / last }) as CSSProperties;
  const moments = grids.filter((grid) => grid.kind === kind && (grid.kimg ?? last + 1) <= last);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : undefined;
    if (!step) return;
    event.preventDefault();
    const moment = neighbourMoment(grids, kind, kimg, step);
    if (moment !== undefined) scrubTo(moment >= last ? undefined : moment);
  };
  return (
    <div className="scrubber">
      <div className="scrubber-marks" aria-hidden="true">
        {moments.map(({ name, kimg: moment }) => (
          <span key={name} style={at(moment ?? 0)} />
        ))}
        {checkpoints
          .filter((checkpoint) => checkpoint.kimg !== null && checkpoint.kimg <= last)
          .map(({ name, kimg: moment }) => (
            <span key={name} className="scrubber-checkpoint" style={at(moment ?? 0)} />
          ))}
      </div>
      <input
        type="range"
        className="range"
        min={0}
        max={last}
        step={last / 1000}
        value={kimg}
        style={at(kimg)}
        aria-label="Moment of the run"
        aria-valuetext={`${kimg.toFixed(1)} thousand images`}
        onKeyDown={onKeyDown}
        onChange={(event) => {
          const value = event.currentTarget.valueAsNumber;
          scrubTo(value >= last * 0.9995 ? undefined : value);
        }}
      />
      <output className="scrubber-at" style={at(kimg)} aria-hidden="true">
        {kimg.toFixed(kimg < 100 ? 1 : 0)} kimg
      </output>
    </div>
  );
}
