// Which process of several one is, and where they meet: started by --nproc on this machine, or by torchrun, srun, mpirun and
// the like, with PyTorch's environment variables.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Meeting } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import type { TrainConfig } from "../config/config.ts";

/** One process of several that train a run. */
export interface RankPlace {
  /** From 0; 0 writes and tells. */
  readonly rank: number;
  readonly size: number;
  /** Among those of this machine: its GPU. */
  readonly localRank: number;
  /** Processes of this machine, which share its cores. */
  readonly localSize: number;
  readonly meeting: Meeting;
}

export interface RankPlaces {
  /** Those that are started from here; none where the run is trained by one process alone. */
  readonly places: readonly RankPlace[];
  /** Takes away where they met. */
  close(): void;
}

/** Whether the environment leaves telling of the run to another process. */
export const tellsElsewhere = ({ WORLD_SIZE, RANK }: NodeJS.ProcessEnv = process.env): boolean =>
  Number(WORLD_SIZE) > 1 && Number(RANK) > 0;

const alone: RankPlaces = { places: [], close: () => undefined };

/** @throws ConfigError if the environment names ranks, or one of them, and says no more, or --nproc is given too */
export function rankPlaces({ nproc }: Pick<TrainConfig, "nproc">, env: NodeJS.ProcessEnv = process.env): RankPlaces {
  if (env.WORLD_SIZE === undefined && env.RANK) {
    throw new ConfigError(
      `RANK=${env.RANK} in the environment says that this is one of several processes, but WORLD_SIZE is not set: give how many there are, or unset RANK`,
    );
  }
  const size = env.WORLD_SIZE === undefined ? 1 : wholeNumber(env, "WORLD_SIZE", 1);
  if (size > 1 && nproc > 1) {
    throw new ConfigError(
      `--nproc ${nproc} starts processes, and WORLD_SIZE is ${size} in the environment, which says that others are started: leave one of them out`,
    );
  }
  if (size > 1) return { ...alone, places: [placeFrom(env, size)] };
  return nproc > 1 ? startedHere(nproc) : alone;
}

/** They meet in a file that only this user may open, and their sums go over the loopback interface. */
function startedHere(size: number): RankPlaces {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-ranks-"));
  const meeting = { file: join(folder, "meeting") };
  return {
    places: Array.from({ length: size }, (_, rank) => ({ rank, size, localRank: rank, localSize: size, meeting })),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function placeFrom(env: NodeJS.ProcessEnv, size: number): RankPlace {
  const rank = wholeNumber(env, "RANK", 0, size - 1);
  const host = env.MASTER_ADDR;
  if (!host) throw missing("MASTER_ADDR", "the name or address of rank 0's machine");
  return {
    rank,
    size,
    localRank: env.LOCAL_RANK === undefined ? 0 : wholeNumber(env, "LOCAL_RANK", 0),
    localSize: env.LOCAL_WORLD_SIZE === undefined ? 1 : wholeNumber(env, "LOCAL_WORLD_SIZE", 1),
    meeting: {
      host,
      port: wholeNumber(env, "MASTER_PORT", 1, 65535),
      // torchrun holds the store itself, and keeps it when it starts its processes again.
      isHeldElsewhere: env.TORCHELASTIC_USE_AGENT_STORE === "True",
      attempt: env.TORCHELASTIC_RESTART_COUNT ?? "",
    },
  };
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const text = env[name];
  if (!text) throw missing(name, "a whole number");
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new ConfigError(`${name}=${text} in the environment must be a whole number ${range}`);
}

const missing = (name: string, what: string) =>
  new ConfigError(
    `WORLD_SIZE in the environment says that several processes train, but ${name} is not set: give ${what}, or unset WORLD_SIZE`,
  );
