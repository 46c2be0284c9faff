// A time that several measurements share.

/** Shares a time among parts that come one after the other: what one leaves or takes too much is that of those after it. */
export class TimeShares {
  readonly #until: number;
  readonly #weights: readonly number[];
  readonly #now: () => number;
  #next = 0;

  /** @param weights one for each part @param now a clock, in seconds */
  constructor(seconds: number, weights: readonly number[], now: () => number = () => performance.now() / 1000) {
    this.#until = now() + seconds;
    this.#weights = weights;
    this.#now = now;
  }

  /** Seconds for the next part; 0 or less once the time is up. */
  next(): number {
    const weights = this.#weights.slice(this.#next++);
    const [own = 0] = weights;
    return ((this.#until - this.#now()) * own) / weights.reduce((sum, weight) => sum + weight, 0);
  }
}

/** How long steps are timed. */
export interface StepTime {
  /** At least. */
  readonly steps: number;
  /** That those take at least, and before them the warm-up: the first of many short steps are not like the rest. */
  readonly leastSeconds?: number | undefined;
  /** Of warm-up and steps together, at most, where there is time for one step. */
  readonly seconds?: number | undefined;
}

/** Whether the next step is one more of the warm-up. @param done so far @param least of them @param spent seconds of them */
export const isWarmUp = (
  done: number,
  least: number,
  spent: number,
  { leastSeconds = 0 }: Pick<StepTime, "leastSeconds">,
): boolean => done < least || spent < leastSeconds;

/**
 * Whether one more step is timed: always a first, others as far as they are wanted and there is time.
 * @param took seconds of each timed step so far @param spent seconds of them and of the warm-up
 */
export function isTimeForStep(
  took: readonly number[],
  spent: number,
  { steps, leastSeconds = 0, seconds = Number.POSITIVE_INFINITY }: StepTime,
): boolean {
  const last = took.at(-1);
  if (last === undefined) return true;
  const isWanted = took.length < steps || took.reduce((sum, one) => sum + one, 0) < leastSeconds;
  return isWanted && spent + last <= seconds;
}
