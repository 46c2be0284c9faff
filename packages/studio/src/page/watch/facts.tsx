import type { Tick } from "../../shared/runs.ts";
import { tickAt, timeOf } from "./moments.ts";

interface FactsProps {
  readonly ticks: readonly Tick[];
  readonly kimg: number;
  readonly isRunning: boolean;
}

/** The numbers of a moment. */
export function Facts({ ticks, kimg, isRunning }: FactsProps) {
  const tick = tickAt(ticks, kimg);
  if (!tick) return null;
  const { health, losses } = tick;
  const isLast = tick === ticks.at(-1);
  const facts: [string, string | undefined][] = [
    ["Shown", `${kimg.toFixed(1)} of ${Math.round(tick.totalImages / 1000)} kimg`],
    ["Phase", `${tick.phase}, ${tick.resolution}×${tick.resolution}`],
    ["Alpha", tick.alpha.toFixed(2)],
    ["Images/s", tick.imagesPerSecond?.toFixed(1)],
    ["Time left", isRunning && isLast && tick.etaRunSeconds ? timeOf(tick.etaRunSeconds) : undefined],
    ["Reconstruction, L1", fixed(losses.xRecon)],
    ["Held out, L1", fixed(health?.l1)],
    ["Spread", percent(health?.spread)],
    ["Cosine", fixed(tick.cosine)],
    ["Variety of samples", percent(health?.variety)],
  ];
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

const fixed = (value: number | null | undefined) => (value === null ? "not finite" : value?.toFixed(3));
const percent = (value: number | null | undefined) =>
  value === null || value === undefined ? undefined : `${Math.round(100 * value)} %`;
