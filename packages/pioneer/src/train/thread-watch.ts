// Whether the number of threads is still the fastest while a run trains: what shares the machine comes and goes.
import { fastestThreads, rateOf, type ThreadRate, type TriedCount, worthMore } from "./choose-threads.ts";

/** What was found, worth telling. */
export interface ThreadFinding {
  /** How many times as long as at best steps took lately. */
  readonly slowdown: number;
  /** By number of threads; empty where there is no choice. */
  readonly rates: readonly ThreadRate[];
  /** From now on. */
  readonly threads: number;
}

/** Steps are looked at in windows of at least so many seconds and steps. */
const window = { seconds: 5, steps: 3 };
/** Windows in a row that are so many times slower than the best one give rise to a comparison. */
const slow = { factor: 1.5, windows: 3 };
/** Each count is compared in as many steps as take so long. */
const comparison = { seconds: 1, least: 2, most: 20 };
/** Seconds of steps between two comparisons; twice as many each time that nothing came of one. */
const wait = { least: 60, most: 1800 };
/** With fewer threads than there could be, a comparison needs no slow steps, but so many seconds at least. */
const recheckSeconds = 600;
/** Other numbers of threads are taken where they are faster by so much. */
const leastGain = 1.15;

/** Of one phase. It is told how long steps take, and says with how many threads the next one is to be taken. */
export class ThreadWatch {
  readonly #counts: readonly number[];
  readonly #batch: number;
  #threads: number;
  #best = Number.POSITIVE_INFINITY;
  #seconds = 0;
  #steps = 0;
  #lately = 0;
  #slowWindows = 0;
  #told = false;
  #sinceComparison = 0;
  #wait = wait.least;
  #compared: Compared | undefined;

  /**
   * @param counts  that may be taken, in ascending order; one alone where there is no choice
   * @param threads to begin with
   * @param batch   images of a step
   */
  constructor(counts: readonly number[], threads: number, batch: number) {
    this.#counts = counts;
    this.#threads = threads;
    this.#batch = batch;
  }

  /** Of the next step. */
  get threads(): number {
    return this.#compared?.threads ?? this.#threads;
  }

  /** @param seconds that the step took which was taken with `threads` */
  took(seconds: number): ThreadFinding | undefined {
    if (this.#compared) {
      this.#compared.took(seconds);
      return this.#compared.isDone ? this.#conclude(this.#compared.rates(this.#batch)) : undefined;
    }
    this.#sinceComparison += seconds;
    this.#seconds += seconds;
    this.#steps++;
    return this.#seconds >= window.seconds && this.#steps >= window.steps ? this.#endWindow() : undefined;
  }

  #endWindow(): ThreadFinding | undefined {
    this.#lately = this.#seconds / this.#steps;
    this.#best = Math.min(this.#best, this.#lately);
    this.#seconds = 0;
    this.#steps = 0;
    this.#slowWindows = this.#lately > slow.factor * this.#best ? this.#slowWindows + 1 : 0;
    const isSlow = this.#slowWindows >= slow.windows;
    if (this.#counts.length < 2) return this.#tellOnce(isSlow);
    const couldBeMore = this.#threads < (this.#counts.at(-1) as number) && this.#sinceComparison >= recheckSeconds;
    if ((isSlow || couldBeMore) && this.#sinceComparison >= this.#wait) {
      this.#compared = new Compared(this.#counts, { threads: this.#threads, first: this.#lately });
    }
    return undefined;
  }

  /** Where there is no choice: once, and again when steps have been fast in between. */
  #tellOnce(isSlow: boolean): ThreadFinding | undefined {
    const tell = isSlow && !this.#told;
    this.#told = isSlow || (this.#told && this.#slowWindows > 0);
    return tell ? { slowdown: this.#lately / this.#best, rates: [], threads: this.#threads } : undefined;
  }

  #conclude(rates: readonly ThreadRate[]): ThreadFinding | undefined {
    const slowdown = this.#lately / this.#best;
    const speedWith = (threads: number) => rates.find((rate) => rate.threads === threads)?.imagesPerSecond ?? 0;
    const fastest = fastestThreads(rates);
    const isBetter = speedWith(fastest) > leastGain * speedWith(this.#threads);
    const wasSlow = this.#slowWindows >= slow.windows;
    this.#compared = undefined;
    this.#sinceComparison = 0;
    this.#slowWindows = 0;
    this.#wait = isBetter ? wait.least : Math.min(wait.most, 2 * this.#wait);
    if (isBetter) {
      this.#threads = fastest;
      this.#best = Number.POSITIVE_INFINITY;
    }
    return isBetter || wasSlow ? { slowdown, rates, threads: this.#threads } : undefined;
  }
}

/** Steps with each count, turn by turn, so that whatever else the machine does meets all of them. */
class Compared {
  readonly #tried: TriedCount[];
  /** Counts whose first step is still to be taken. */
  readonly #first: number[];
  /** Those that go on after it. */
  #running: TriedCount[] = [];
  #steps = 0;

  /** @param present the count that steps were taken with until now, and what they took lately: it needs no first step */
  constructor(counts: readonly number[], present: Pick<TriedCount, "threads" | "first">) {
    this.#tried = [{ ...present, seconds: 0, steps: 0 }];
    this.#first = counts.filter((threads) => threads !== present.threads);
  }

  get threads(): number {
    return this.#first[0] ?? this.#next.threads;
  }

  get #next(): TriedCount {
    return this.#running[this.#steps % this.#running.length] as TriedCount;
  }

  took(seconds: number): void {
    const threads = this.#first.shift();
    if (threads !== undefined) {
      this.#tried.push({ threads, first: seconds, seconds: 0, steps: 0 });
      if (this.#first.length === 0) this.#running = worthMore(this.#tried);
      return;
    }
    const tried = this.#next;
    tried.seconds += seconds;
    tried.steps++;
    this.#steps++;
  }

  /** Each count that goes on took as many steps as all of them. */
  get isDone(): boolean {
    if (this.#first.length > 0 || this.#steps % this.#running.length !== 0) return false;
    const rounds = this.#steps / this.#running.length;
    if (rounds < comparison.least) return false;
    return rounds >= comparison.most || this.#running.every(({ seconds }) => seconds >= comparison.seconds);
  }

  /** In ascending order of the counts. @param images of a step */
  rates(images: number): ThreadRate[] {
    return this.#tried.map((tried) => rateOf(tried, images)).sort((a, b) => a.threads - b.threads);
  }
}
