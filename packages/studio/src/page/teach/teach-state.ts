import { Scheduler } from "pioneer-runtime";
import { whenNeeded } from "pioneer-runtime/internal";
import { create } from "zustand";
import type { TeachWorker } from "../engine/teach-worker.ts";
import { modelNow } from "../state/models.ts";
import { report } from "../state/notices.ts";
import { samplesOf } from "../state/samples.ts";
import type { Direction } from "../state/shelf.ts";

/** A picture that is shown to be sorted. */
export interface Shown {
  readonly name: string;
  readonly latent: Float32Array;
  /** Of a photo: its square, [3, r, r]. */
  readonly planes?: Float32Array;
}

export type Method = "linear" | "mean";

interface Teaching {
  /** Of the model that is taught. */
  readonly key: string;
  readonly name: string;
  readonly method: Method;
  readonly pictures: readonly Shown[];
  /** By picture: it has it, or not. */
  readonly answers: ReadonlyMap<Shown, boolean>;
  /** What the answers teach so far; undefined for too few. */
  readonly taught: Direction | undefined;
}

/** So many are shown first, and so many more each time. */
const [firstCount, unsureCount] = [40, 10];
const firstSeed = 21;
/** Samples among which unsure ones are looked for. */
const [poolSeed, poolCount] = [1021, 800];

export const useTeach = create<Teaching>(() => ({
  key: "",
  name: "",
  method: "linear",
  pictures: [],
  answers: new Map(),
  taught: undefined,
}));

function beginTeaching(): void {
  useTeach.setState({
    key: modelNow().key,
    name: "",
    pictures: samplesOf(firstSeed, firstCount),
    answers: new Map(),
    taught: undefined,
  });
}

/** Begins, unless it was begun with this model. */
export function beginIfNew(): void {
  if (useTeach.getState().key !== modelNow().key) beginTeaching();
}

/** @param answer undefined takes it back */
export function answer(picture: Shown, answer: boolean | undefined): void {
  const answers = new Map(useTeach.getState().answers);
  if (answer === undefined) answers.delete(picture);
  else answers.set(picture, answer);
  useTeach.setState({ answers });
  learn();
}

export function setMethod(method: Method): void {
  useTeach.setState({ method });
  learn();
}

export const addPictures = (more: readonly Shown[]): void =>
  useTeach.setState(({ pictures }) => ({ pictures: [...more, ...pictures] }));

const teacher = whenNeeded<TeachWorker>(
  () => new Worker(new URL("../engine/teach-worker.ts", import.meta.url), { type: "module" }),
);

/** Clicks come faster than they are learned from: the newest answers count. */
const lessons = new Scheduler();

function learn(): void {
  const { answers, method } = useTeach.getState();
  const side = (which: boolean) => [...answers].filter(([, has]) => has === which).map(([{ latent }]) => latent);
  const [yes, no] = [side(true), side(false)];
  if (Math.min(yes.length, no.length) < leastSorted) {
    useTeach.setState({ taught: undefined });
    return;
  }
  lessons
    .newest("teach", () => teacher().call("teach", yes, no, method))
    .then((taught) => {
      // Everything may have been taken back meanwhile.
      if (taught && useTeach.getState().answers.size >= 2 * leastSorted) useTeach.setState({ taught });
    }, report);
}

/** With fewer pictures a side nothing is learned yet. */
export const leastSorted = 4;

/** New samples of which the direction so far can hardly tell whether they have it. */
export async function showUnsure(): Promise<void> {
  const seen = new Set(useTeach.getState().pictures.map(({ name }) => name));
  const pool = samplesOf(poolSeed, poolCount).filter(({ name }) => !seen.has(name));
  const scores = await teacher().call(
    "scores",
    pool.map(({ latent }) => latent),
  );
  const unsure = pool
    .map((picture, i) => ({ picture, size: Math.abs(scores[i] as number) }))
    .sort((a, b) => a.size - b.size)
    .slice(0, unsureCount);
  addPictures(unsure.map(({ picture }) => picture));
}
