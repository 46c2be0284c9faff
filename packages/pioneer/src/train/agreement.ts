// What several processes that train one run must agree on: that it is the same run, when something is due, and that what they
// hold is the same.
import { isDeepStrictEqual } from "node:util";
import { type Ranks, tensor } from "pioneer-torch";
import { ConfigError, PioneerError } from "../base/errors.ts";
import { learnerDigest } from "../checkpoint/checkpoint.ts";
import type { TrainConfig } from "../config/config.ts";
import { flagOf, shown } from "../config/option-schema.ts";
import type { Learner } from "../learner/learner.ts";
import type { Moment } from "./due.ts";

/** What a process's own clock and signals say of the moment when a step ends. */
export interface Timing
  extends Pick<Moment, "stop" | "minutesOfSession" | "minutesSinceCheckpoint" | "secondsSinceTick"> {
  /** Of the whole run. */
  readonly elapsedSeconds: number;
}

/**
 * Begins to agree on the clock, which is rank 0's, and on a stop, which may be asked of any.
 * @returns waits for what was agreed on
 */
export function agreeOnTiming(ranks: Ranks, own: Timing): () => Timing {
  const clock = [own.minutesOfSession, own.minutesSinceCheckpoint, own.secondsSinceTick, own.elapsedSeconds];
  const stops = [own.stop === "interrupted", own.stop === "terminated"].map(Number);
  const numbers = tensor(Float64Array.from([...stops, ...clock.map((time) => (ranks.rank === 0 ? time : 0))]));
  const finish = ranks.sum(numbers);
  return () => {
    finish();
    const [interrupted, terminated, minutesOfSession, minutesSinceCheckpoint, secondsSinceTick, elapsedSeconds] = [
      ...(numbers.toTypedArray() as Float64Array),
    ] as [number, number, number, number, number, number];
    numbers.dispose();
    const stop = interrupted > 0 ? "interrupted" : terminated > 0 ? "terminated" : undefined;
    return { stop, minutesOfSession, minutesSinceCheckpoint, secondsSinceTick, elapsedSeconds };
  };
}

/** Does something for which the others may have to wait for longer than for a step. */
export async function whileBusy<T>(ranks: Ranks, work: () => Promise<T> | T): Promise<T> {
  ranks.setBusy(true);
  try {
    return await work();
  } finally {
    ranks.setBusy(false);
  }
}

/** What rank 0 found out, for all; meanwhile they wait. @param make called on rank 0 alone */
export async function fromLead<T>(ranks: Ranks, make: () => Promise<T>): Promise<T> {
  const own = ranks.rank === 0 ? JSON.stringify(await whileBusy(ranks, make)) : "";
  return JSON.parse(ranks.say(own)[0] as string) as T;
}

/** What a run is to one rank. */
export interface RunFacts {
  readonly pioneer: string;
  readonly libtorch: string;
  readonly device: string;
  readonly config: TrainConfig;
  readonly pack: { readonly path: string; readonly id: string };
  /** The checkpoint that the run goes on from. */
  readonly checkpoint: string | undefined;
}

/** What may differ from machine to machine. */
const ofOneMachine = new Set<string>(["data", "cacheDir", "run", "threads", "nproc", "from", "labels", "align"]);

/** @throws ConfigError naming the first rank to which the run is another than to rank 0, and what differs */
export function agreeOnRun(ranks: Ranks, own: RunFacts): void {
  const [lead, ...others] = ranks.say(JSON.stringify(own)).map((text) => JSON.parse(text) as RunFacts);
  for (const [index, other] of others.entries()) {
    const difference = differenceOf(lead as RunFacts, other);
    if (difference) throw new ConfigError(`rank ${index + 1} cannot train with rank 0: ${difference}`);
  }
}

function differenceOf(lead: RunFacts, other: RunFacts): string | undefined {
  const differs = (what: string, there: unknown, here: unknown, mend: string) =>
    `${what} is ${shown(there)} there, ${shown(here)} on rank 0: ${mend}`;
  const mend = "give all the same";
  if (other.pioneer !== lead.pioneer) return differs("Pioneer", other.pioneer, lead.pioneer, "install one version");
  if (other.libtorch !== lead.libtorch)
    return differs("libtorch", other.libtorch, lead.libtorch, "install one version");
  for (const key of Object.keys({ ...lead.config, ...other.config }) as (keyof TrainConfig)[]) {
    if (ofOneMachine.has(key) || isDeepStrictEqual(lead.config[key], other.config[key])) continue;
    return differs(flagOf(key), other.config[key], lead.config[key], mend);
  }
  if (other.device !== lead.device) return differs("the device", other.device, lead.device, "give --device to all");
  if (other.pack.id !== lead.pack.id) {
    const id = (pack: RunFacts["pack"]) => `${pack.path} (id ${pack.id.slice(0, 12)})`;
    return `its pack is another, ${id(other.pack)} there, ${id(lead.pack)} on rank 0: copy one to all machines`;
  }
  if (other.checkpoint !== lead.checkpoint) {
    return differs(
      "the newest checkpoint",
      other.checkpoint,
      lead.checkpoint,
      "all need one --run folder on a file system that they share",
    );
  }
  return undefined;
}

/**
 * Whether all ranks hold the same learner, to the bit. The u of spectral norms follow the weights on each, and processors of
 * different kinds may round them differently: all take rank 0's first.
 * @throws PioneerError naming the first rank that holds another
 */
export function agreeOnLearner(ranks: Ranks, learner: Learner): void {
  const { generator, encoder, generatorEma, encoderEma } = learner;
  for (const network of [generator, encoder, generatorEma, ...(encoderEma ? [encoderEma] : [])]) {
    for (const u of network.u.values()) ranks.broadcast(u);
  }
  const [lead, ...others] = ranks.say(learnerDigest(learner));
  const rank = others.findIndex((digest) => digest !== lead) + 1;
  if (rank > 0) {
    throw new PioneerError(
      "RANKS_DIFFER",
      `rank ${rank} holds other weights than rank 0, so one of them computes wrongly: look at their memory and network, then go on with --resume`,
    );
  }
}
