import { create } from "zustand";
import type { Grid, RunList, RunSummary, StatsAnswer, StudioEvents, Tick } from "../../shared/runs.ts";
import { fetchJson } from "../api/client.ts";
import { refreshModels } from "../state/models.ts";
import { report } from "../state/notices.ts";

/** What is known of a run that was looked at. */
export interface RunData {
  readonly ticks: readonly Tick[];
  readonly grids: readonly Grid[];
  /** Where its lines go on. */
  readonly next: StatsAnswer["next"] | undefined;
}

/** A moment of a run to compare with. */
export interface Pin {
  readonly run: string;
  readonly kimg: number;
}

interface Watching {
  readonly list: RunList | undefined;
  readonly selected: string | undefined;
  readonly data: Readonly<Record<string, RunData>>;
  /** Where the scrubber is, in thousands of images; undefined follows the latest. */
  readonly kimg: number | undefined;
  readonly kind: string;
  readonly pins: readonly Pin[];
  readonly connected: boolean;
}

export const useWatch = create<Watching>(() => ({
  list: undefined,
  selected: undefined,
  data: {},
  kimg: undefined,
  kind: "samples",
  pins: [],
  connected: true,
}));

const empty: RunData = { ticks: [], grids: [], next: undefined };
const dataOf = (run: string): RunData => useWatch.getState().data[run] ?? empty;
export const useRunData = (run: string): RunData => useWatch(({ data }) => data[run] ?? empty);

const setData = (run: string, next: Partial<RunData>): void =>
  useWatch.setState(({ data }) => ({ data: { ...data, [run]: { ...dataOf(run), ...next } } }));

/** Address of something of a run, under the page's own. */
export const runAddress = (run: string, what: string): string => `api/runs/${encodeURIComponent(run)}/${what}`;

/** Address of a picture; another one after it was written again. */
export const gridAddress = (run: string, { name, modified }: Grid): string =>
  new URL(`${runAddress(run, "grids")}/${encodeURIComponent(name)}?${modified}`, document.baseURI).href;

/** Reads what there is, and follows what happens until the returned function is called. */
export function startWatching(): () => void {
  const events = new EventSource(new URL("api/events", document.baseURI));
  const on = <E extends keyof StudioEvents>(name: E, act: (data: StudioEvents[E]) => void) =>
    events.addEventListener(name, (event: MessageEvent<string>) => act(JSON.parse(event.data) as StudioEvents[E]));
  // After a lost connection, too: whatever happened meanwhile is read.
  events.addEventListener("open", () => {
    useWatch.setState({ connected: true });
    void readAll();
  });
  events.addEventListener("error", () => useWatch.setState({ connected: false }));
  on("runs", () => void readList());
  on("models", () => void refreshModels().catch(report));
  on("run", updateSummary);
  on("stats", ({ run, from, ...answer }) => {
    const known = useWatch.getState().data[run];
    // One that was not looked at is read whole when it is.
    if (!known) return;
    if (known.next === from || answer.restarted) addTicks(run, answer);
    else void readStats(run).catch(report);
  });
  on("grids", ({ run, grids }) => {
    if (useWatch.getState().data[run]) setData(run, { grids: merged(dataOf(run).grids, grids) });
  });
  return () => events.close();
}

async function readAll(): Promise<void> {
  await readList();
  const { selected, data } = useWatch.getState();
  const wanted = new Set([...Object.keys(data), ...(selected === undefined ? [] : [selected])]);
  await Promise.all([...wanted].map(readRun));
}

async function readList(): Promise<void> {
  try {
    const list = (await fetchJson("api/runs")) as RunList;
    useWatch.setState({ list });
    const { selected } = useWatch.getState();
    if (list.runs.some(({ id }) => id === selected)) return;
    // The one that is trained now, else the first.
    const first = list.runs.find(({ state }) => state === "running") ?? list.runs[0];
    if (first) await selectRun(first.id);
    else useWatch.setState({ selected: undefined });
  } catch (error) {
    report(error);
  }
}

export async function selectRun(id: string): Promise<void> {
  useWatch.setState({ selected: id, kimg: undefined });
  if (!useWatch.getState().data[id]) await readRun(id);
}

async function readRun(run: string): Promise<void> {
  try {
    const grids = (await fetchJson(runAddress(run, "grids"))) as Grid[];
    setData(run, { grids });
    await readStats(run);
  } catch (error) {
    report(error);
  }
}

async function readStats(run: string): Promise<void> {
  for (;;) {
    const { next } = dataOf(run);
    const query = next === undefined ? "" : `?from=${encodeURIComponent(next)}`;
    const answer = (await fetchJson(`${runAddress(run, "stats")}${query}`)) as StatsAnswer;
    // Where an event has brought these lines meanwhile, what comes after them is read.
    if (dataOf(run).next === next) addTicks(run, answer);
    if (answer.ticks.length === 0) return;
  }
}

function addTicks(run: string, { ticks, next, restarted }: StatsAnswer): void {
  setData(run, { ticks: restarted ? ticks : [...dataOf(run).ticks, ...ticks], next });
}

function updateSummary(summary: RunSummary): void {
  useWatch.setState(({ list }) => ({
    list: list && { ...list, runs: list.runs.map((run) => (run.id === summary.id ? summary : run)) },
  }));
}

/** Pictures by name, new ones in place of older ones of their name. */
function merged(grids: readonly Grid[], more: readonly Grid[]): Grid[] {
  const byName = new Map([...grids, ...more].map((grid) => [grid.name, grid]));
  return [...byName.values()].sort((a, b) => (a.kimg ?? -1) - (b.kimg ?? -1) || a.name.localeCompare(b.name));
}

/** @param kimg undefined follows the latest */
export const scrubTo = (kimg: number | undefined): void => useWatch.setState({ kimg });

export function togglePin(pin: Pin): void {
  useWatch.setState(({ pins }) => {
    const others = pins.filter(({ run, kimg }) => run !== pin.run || kimg !== pin.kimg);
    // Two are compared; the older of more gives way.
    return { pins: others.length < pins.length ? others : [...pins, pin].slice(-2) };
  });
}
