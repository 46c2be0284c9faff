// What a run computes with: what was asked for, what it was begun with, and for the rest what is found to be fastest.
import { type Capabilities, capabilities } from "pioneer-torch";
import type { CheckpointState } from "../checkpoint/state.ts";
import { type Computing, chooseComputing, chooseDevice, precisionsFor, reasonOf } from "../compute/device.ts";
import { availableThreads } from "../compute/processor.ts";
import { keptComputing, type RecordedComputing, type RunComputing, recordOf } from "../compute/run-computing.ts";
import { batchAt } from "../config/batch.ts";
import type { TrainConfig } from "../config/config.ts";
import { resolutionOf } from "../networks/index.ts";
import { choosePhaseLayers } from "./choose-layers.ts";
import { chooseThreads, threadCounts } from "./choose-threads.ts";
import { formatChoice, formatThreads } from "./computing-lines.ts";
import type { Trial } from "./trial.ts";

export interface ChoiceOptions {
  /** Those that are still to be trained, in ascending order. */
  readonly phases: readonly number[];
  /** The checkpoint of a run that goes on. */
  readonly before?: CheckpointState | undefined;
  /** Told what was measured and chosen, in lines. */
  readonly log: (text: string) => void;
}

/**
 * Chooses precision, convolutions and threads of each phase. What is measured is measured on the CPU.
 * @throws ConfigError if CUDA is asked for and not there, or Winograd's convolutions on it
 */
export async function chooseRunComputing(
  config: TrainConfig,
  trial: Trial,
  { phases, before, log }: ChoiceOptions,
  able: Capabilities = capabilities(),
): Promise<RunComputing> {
  const { device, why } = chooseDevice(config, able);
  const recorded = before && begunWith(before, config, able);
  const { kept, told } = keptComputing(recorded, config, { device, able, threads: availableThreads() });
  for (const line of told) log(line);
  const open = phases.filter((phase) => !kept.has(phase));
  const chosen = new Map<number, Computing>(
    device === "cpu"
      ? await measure(config, trial, open, why, able, log)
      : open.map((phase) => [phase, chooseComputing(config, able)]),
  );
  for (const [phase, choice] of kept) {
    chosen.set(phase, { ...choice, device, why: `device: ${why}; all else as the run was begun` });
  }
  return { device, phases: new Map([...chosen].sort(([a], [b]) => a - b)) };
}

/**
 * What a run was begun with. Older versions did not write it down, and did not measure. An imported run, which has seen no pack,
 * was begun elsewhere.
 */
function begunWith(
  { computing, pack, schedule }: CheckpointState,
  config: TrainConfig,
  able: Capabilities,
): RecordedComputing | undefined {
  if (computing || pack.id === "") return computing;
  const unmeasured = chooseComputing(config, able);
  return recordOf({
    device: unmeasured.device,
    phases: new Map(schedule.phases.map(({ phase }) => [phase, unmeasured])),
  });
}

/** Threads first: layers are then timed with as many. @param whyDevice why it is the CPU */
async function measure(
  config: TrainConfig,
  trial: Trial,
  phases: readonly number[],
  whyDevice: string,
  able: Capabilities,
  log: (text: string) => void,
): Promise<[phase: number, Computing][]> {
  if (phases.length === 0) return [];
  const unmeasured = chooseComputing(config, able);
  const threads = await threadsOf(config, trial, phases, unmeasured, log);
  const { precisions, because } = precisionsFor(config, "cpu", able);
  const most = Math.max(...threads.values());
  const layers = await choosePhaseLayers(config, phases, { threads: most, precisions, log });
  if (layers) {
    log(`images/s of convolutions alone, ${most} threads, ${layers.told}:`);
    for (const [phase, choice] of layers.phases) log(formatChoice(phase, choice));
  }
  const why = reasonOf(whyDevice, precisions.length > 1 ? "measured" : because);
  return phases.map((phase) => {
    const choice = layers?.phases.get(phase);
    const precision = choice?.precision ?? unmeasured.precision;
    const convolutions = config.convolutions === "auto" ? (choice?.convolutions ?? "direct") : config.convolutions;
    return [phase, { device: "cpu", precision, convolutions, why, threads: threads.get(phase) as number }];
  });
}

async function threadsOf(
  { threads, batch }: TrainConfig,
  trial: Trial,
  phases: readonly number[],
  computing: Computing,
  log: (text: string) => void,
): Promise<Map<number, number>> {
  const counts = threadCounts(availableThreads());
  if (threads !== undefined || counts.length < 2) {
    return new Map(phases.map((phase) => [phase, threads ?? availableThreads()]));
  }
  const sized = phases.map((phase) => ({ phase, batch: batchAt(batch, resolutionOf(phase)) }));
  const chosen = await chooseThreads(trial, sized, computing, counts);
  log(formatThreads(chosen));
  return new Map([...chosen].map(([phase, choice]) => [phase, choice.threads]));
}
