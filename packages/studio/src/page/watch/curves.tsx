import "uplot/dist/uPlot.min.css";
import "./curves.css";
import { useMemo } from "react";
import type { Tick } from "../../shared/runs.ts";
import { Chart, type Series } from "./chart.tsx";

interface CurvesProps {
  readonly ticks: readonly Tick[];
  readonly kimg: number;
}

type Reader = (tick: Tick) => number | null | undefined;

/** Each chart has numbers of one kind; the names are those of the logs. */
const charts: readonly { readonly title: string; readonly lines: Readonly<Record<string, Reader>> }[] = [
  {
    title: "Image error",
    lines: { xRecon: ({ losses }) => losses.xRecon, "held-out L1": ({ health }) => health?.l1 },
  },
  {
    title: "KL of latents, nats",
    lines: { klReal: ({ losses }) => losses.klReal, klFake: ({ losses }) => losses.klFake },
  },
  {
    title: "Spread, cosine and variety",
    lines: {
      spread: ({ health }) => health?.spread,
      cosine: ({ cosine }) => cosine,
      variety: ({ health }) => health?.variety,
    },
  },
  { title: "Images per second", lines: { "images/s": ({ imagesPerSecond }) => imagesPerSecond } },
];

/** So many points are drawn of a line; more cannot be told apart. */
const mostPoints = 1200;

export function Curves({ ticks, kimg }: CurvesProps) {
  const drawn = useMemo(() => thinned(ticks), [ticks]);
  const x = useMemo(() => drawn.map(({ images }) => images / 1000), [drawn]);
  const all = useMemo(
    () =>
      charts.map(({ title, lines }) => ({
        title,
        series: Object.entries(lines)
          .map(([name, read]): Series => ({ name, values: drawn.map((tick) => read(tick) ?? null) }))
          .filter(({ values }) => values.some((value) => value !== null)),
      })),
    [drawn],
  );
  if (x.length < 2) return null;
  return (
    <div className="curves">
      {all
        .filter(({ series }) => series.length > 0)
        .map(({ title, series }) => (
          <Chart key={title} title={title} x={x} series={series} at={kimg} />
        ))}
    </div>
  );
}

function thinned(ticks: readonly Tick[]): readonly Tick[] {
  const every = Math.ceil(ticks.length / mostPoints);
  return every <= 1 ? ticks : ticks.filter((_, i) => i % every === 0 || i === ticks.length - 1);
}
