import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { useTheme } from "../state/theme.ts";
import { scrubTo } from "./watch-state.ts";

export interface Series {
  readonly name: string;
  /** null where there is none. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Thousands of images. */
  readonly x: readonly number[];
  readonly series: readonly Series[];
  /** Where the scrubber is. */
  readonly at: number;
}

const height = 150;

/** Curves with the scrubber's line; dragging on them moves the scrubber. */
export function Chart({ title, x, series, at }: ChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const now = useRef(at);
  now.current = at;
  const theme = useTheme((state) => state.theme);
  const names = series.map(({ name }) => name).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: new numbers are set below; other lines or colours need another plot
  useEffect(() => {
    const parent = element.current;
    if (!parent) return;
    const made = new uPlot(
      optionsOf(parent, series, () => now.current),
      dataOf(x, series),
      parent,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: parent.clientWidth, height }));
    observer.observe(parent);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [names, theme]);
  useEffect(() => plot.current?.setData(dataOf(x, series)), [x, series]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the line stands where the scrubber is
  useEffect(() => plot.current?.redraw(false), [at]);
  return (
    <figure className="chart">
      <figcaption>
        <h3>{title}</h3>
        <ul>
          {series.map(({ name, values }, i) => (
            <li key={name} data-line={i}>
              {name} <strong>{valueAt(x, values, at)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={element} role="img" aria-label={`${title}: ${names}`} />
    </figure>
  );
}

const dataOf = (x: readonly number[], series: readonly Series[]) =>
  [x, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;

function valueAt(x: readonly number[], values: readonly (number | null)[], at: number): string {
  const end = x.findLastIndex((value) => value <= at);
  const value = values.slice(0, end + 1).findLast((each) => each !== null);
  return value?.toPrecision(3) ?? "";
}

function optionsOf(parent: HTMLElement, series: readonly Series[], at: () => number): uPlot.Options {
  const style = getComputedStyle(parent);
  const colour = (name: string) => style.getPropertyValue(name);
  const axis = {
    stroke: colour("--chart-words"),
    grid: { stroke: colour("--chart-grid"), width: 1 },
    ticks: { show: false },
    font: "11px Instrument Sans Variable, sans-serif",
  };
  return {
    width: Math.max(100, parent.clientWidth),
    height,
    scales: { x: { time: false } },
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false, bind: { dblclick: () => null } },
    axes: [
      { ...axis, size: 24 },
      { ...axis, size: 44 },
    ],
    series: [
      {},
      ...series.map(({ name }, i) => ({
        label: name,
        stroke: colour(`--chart-line-${i}`),
        width: 1.5,
        points: { show: false },
        spanGaps: true,
      })),
    ],
    hooks: {
      draw: [(plot) => drawLine(plot, at(), colour("--chart-at"))],
      ready: [scrubOnDrag],
    },
  };
}

function drawLine(plot: uPlot, at: number, colour: string): void {
  const { ctx, bbox } = plot;
  const x = Math.round(plot.valToPos(at, "x", true));
  ctx.save();
  ctx.fillStyle = colour;
  ctx.fillRect(x, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
  ctx.restore();
}

function scrubOnDrag(plot: uPlot): void {
  const scrub = (event: PointerEvent) => {
    const { left } = plot.over.getBoundingClientRect();
    const last = plot.data[0].at(-1) ?? 0;
    const kimg = Math.max(0, plot.posToVal(event.clientX - left, "x"));
    scrubTo(kimg >= last ? undefined : kimg);
  };
  plot.over.addEventListener("pointerdown", (event) => {
    plot.over.setPointerCapture(event.pointerId);
    scrub(event);
  });
  plot.over.addEventListener("pointermove", (event) => {
    if (plot.over.hasPointerCapture(event.pointerId)) scrub(event);
  });
}
