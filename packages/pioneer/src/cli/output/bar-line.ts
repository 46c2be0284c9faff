// What a bar shows, in as many columns as the terminal has.

/** The longest and the shortest bar worth drawing. */
const [longest, shortest] = [24, 6];

export interface BarLine {
  /** What the bar is of, where there are several. */
  readonly name?: string;
  /** "12 min left" */
  readonly left: string;
  /** Of the work that is done, from 0 to 1. */
  readonly done: number;
  /** What else there is to say, the most important first. */
  readonly rest: readonly string[];
}

/**
 * "12 min left ████████░░░░░░░░ 45 % | 450 of 1000 images": time left first, then the bar, then what else has room whole. In a
 * narrow terminal the bar is shorter, then gone.
 * @param columns of the terminal; the last is left free, as some break the line there
 */
export function barLine(columns: number, { name = "", left, done, rest }: BarLine): string {
  const share = Math.min(1, Math.max(0, done));
  const [before, after] = [name + left, ` ${String(Math.floor(100 * share)).padStart(2)} %`];
  const most = columns - 1;
  const room = Math.min(longest, most - before.length - 1 - after.length);
  const alone = before.length + after.length > most ? before : before + after;
  let line = room < shortest ? alone : `${before} ${barOf(room, share)}${after}`;
  for (const part of rest) {
    const next = `${line} | ${part}`;
    if (next.length > most) break;
    line = next;
  }
  return line.slice(0, most);
}

function barOf(cells: number, share: number): string {
  const full = Math.round(cells * share);
  return "\u2588".repeat(full) + "\u2591".repeat(cells - full);
}
