// One process of several that train a run, before its first step.
import { basename } from "node:path";
import { capabilities, type Device, type Ranks } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { chooseDevice } from "../compute/device.ts";
import { availableThreads } from "../compute/processor.ts";
import { type RunComputing, withThreads } from "../compute/run-computing.ts";
import { batchAt } from "../config/batch.ts";
import type { TrainConfig } from "../config/config.ts";
import type { Schedule } from "../config/schedule.ts";
import type { Pack } from "../data/pack/pack.ts";
import { resolutionOf } from "../networks/index.ts";
import { agreeOnRun, fromLead } from "./agreement.ts";
import { type Beginning, type Measured, measureFirst } from "./measure-first.ts";
import type { RankPlace } from "./rank-places.ts";

export interface Crew {
  readonly ranks: Ranks;
  readonly place: RankPlace;
}

interface OpenedRun {
  readonly pack: Pack;
  readonly schedule: Schedule;
  /** That it goes on from. */
  readonly checkpoint: string | undefined;
}

/** @throws ConfigError where the run is another to some rank, or several processes cannot train it */
export function checkCrew({ ranks }: Crew, config: TrainConfig, { pack, schedule, checkpoint }: OpenedRun): void {
  if (config.cudaGraphs) {
    throw new ConfigError(`--cuda-graphs records the steps of one process, and ${ranks.size} train: leave it out`);
  }
  for (const { phase } of schedule.phases) {
    const resolution = resolutionOf(phase);
    const batch = batchAt(config.batch, resolution);
    if (batch < ranks.size) {
      throw new ConfigError(
        `--batch is ${batch} at ${resolution}x${resolution}, which ${ranks.size} processes cannot share: give at least ${ranks.size}, or start fewer`,
      );
    }
  }
  const able = capabilities();
  agreeOnRun(ranks, {
    pioneer: version,
    libtorch: able.libtorch,
    device: chooseDevice(config, able).device,
    config,
    pack: { path: pack.path, id: pack.id },
    checkpoint: checkpoint && basename(checkpoint),
  });
}

/** Rank 0 measures with its share of the batch and of the cores; all compute as it found, each with threads of its own. */
export async function measureForAll(
  { ranks, place }: Crew,
  config: TrainConfig,
  device: Device,
  beginning: Beginning,
  log: (text: string) => void,
): Promise<Measured> {
  const threads = config.threads ?? Math.max(1, Math.floor(availableThreads() / place.localSize));
  const shares = beginning.schedule.phases.map(({ phase }) => {
    const resolution = resolutionOf(phase);
    return [String(resolution), Math.max(2, Math.ceil(batchAt(config.batch, resolution) / ranks.size))] as const;
  });
  const share = { ...config, threads, batch: Object.fromEntries(shares) };
  const found = await fromLead(ranks, async () => {
    const { computings, lastPhaseSeconds } = await measureFirst(share, device, beginning, log, {
      all: ranks.size,
      here: place.localSize,
    });
    return { phases: [...computings.phases], lastPhaseSeconds: lastPhaseSeconds / ranks.size };
  });
  const computings: RunComputing = { device, phases: new Map(found.phases) };
  return { computings: withThreads(computings, 0, threads), lastPhaseSeconds: found.lastPhaseSeconds };
}
