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

/**
 * Whether there is time for one more step: always for the first, and never for more than were asked for.
 * @param took seconds of each timed step so far @param spent seconds of them and of the warm-up
 */
export const isTimeForStep = (
  took: readonly number[],
  spent: number,
  { steps, seconds = Number.POSITIVE_INFINITY }: { readonly steps: number; readonly seconds?: number | undefined },
): boolean => took.length === 0 || (took.length < steps && spent + (took.at(-1) as number) <= seconds);
