import type { Grid, Tick } from "../../shared/runs.ts";

/** Last moment of a run, in thousands of images. */
export const lastKimg = (ticks: readonly Tick[]): number => (ticks.at(-1)?.images ?? 0) / 1000;

/** The newest picture of a kind that is not after a moment; the first, where all are. */
export function gridAt(grids: readonly Grid[], kind: string, kimg: number): Grid | undefined {
  const own = grids.filter((grid) => grid.kind === kind);
  return own.findLast((grid) => (grid.kimg ?? 0) <= kimg) ?? own[0];
}

/** The status line of a moment, by bisection. */
export function tickAt(ticks: readonly Tick[], kimg: number): Tick | undefined {
  let [from, to] = [0, ticks.length - 1];
  while (from < to) {
    const middle = Math.ceil((from + to) / 2);
    if ((ticks[middle] as Tick).images <= kimg * 1000) from = middle;
    else to = middle - 1;
  }
  return ticks[from];
}

/** The moment of the next or last picture before or after one. */
export function neighbourMoment(grids: readonly Grid[], kind: string, kimg: number, step: 1 | -1): number | undefined {
  const moments = grids.filter((grid) => grid.kind === kind).map((grid) => grid.kimg ?? 0);
  return step === 1 ? moments.find((moment) => moment > kimg) : moments.findLast((moment) => moment < kimg);
}

/** "1 h 20 min" */
export function timeOf(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
