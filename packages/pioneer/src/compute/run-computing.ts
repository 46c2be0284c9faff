// What each phase of a run is computed with. A run keeps what it was begun with, so that going on is exact.
import type { Capabilities, Device } from "pioneer-torch";
import { z } from "zod";
import { blockCount } from "../networks/growth.ts";
import type { Computing, WantedComputing } from "./device.ts";

export interface RunComputing {
  readonly device: Device;
  readonly phases: ReadonlyMap<number, Computing>;
}

// Not the list of pioneer-torch, which would load libtorch: `pioneer info` and the help do without.
const form = z.enum(["direct", "winograd", "taps"]);
const onePass = z.enum(["direct", "winograd"]);
const layerForm = z.union([form, z.strictObject({ forward: onePass, toData: onePass, toWeights: form })]);

const phaseSchema = z.object({
  phase: z
    .int()
    .min(0)
    .max(blockCount - 1),
  precision: z.enum(["fp32", "bf16"]),
  threads: z.int().min(1),
  convolutions: z.union([form, z.record(z.string(), layerForm)]),
});

/** As checkpoints hold it. */
export const recordedComputing = z.object({ device: z.enum(["cpu", "cuda"]), phases: z.array(phaseSchema) });

export type RecordedComputing = z.infer<typeof recordedComputing>;
type RecordedPhase = z.infer<typeof phaseSchema>;

export const recordOf = ({ device, phases }: RunComputing): RecordedComputing => ({
  device: device === "cpu" ? "cpu" : "cuda",
  phases: [...phases].map(([phase, { precision, threads, convolutions }]) => ({
    phase,
    precision: precision as RecordedPhase["precision"], // a run is not computed in float64
    threads,
    convolutions,
  })),
});

/** The same with another number of threads from a phase on. */
export const withThreads = ({ device, phases }: RunComputing, from: number, threads: number): RunComputing => ({
  device,
  phases: new Map(
    [...phases].map(([phase, computing]) => [phase, phase < from ? computing : { ...computing, threads }]),
  ),
});

/** Precision, convolutions and threads of a phase. */
export type PhaseComputing = Pick<Computing, "precision" | "convolutions" | "threads">;

/** What this session can do. */
export interface Machine {
  readonly device: Device;
  readonly able: Pick<Capabilities, "cpuBf16" | "cudaBf16">;
  readonly threads: number;
}

export interface Kept {
  /** The recorded phases that go on as they were, or as was asked for. */
  readonly kept: ReadonlyMap<number, PhaseComputing>;
  /** Why others do not, in lines. */
  readonly told: readonly string[];
}

/**
 * What a run that goes on keeps. What is asked for now wins; a phase that was asked into another precision has its convolutions
 * chosen anew, as has all that this machine cannot do.
 */
export function keptComputing(
  recorded: RecordedComputing | undefined,
  wanted: WantedComputing,
  machine: Machine,
): Kept {
  if (!recorded) return { kept: new Map(), told: [] };
  const { device, able } = machine;
  if ((device === "cpu") !== (recorded.device === "cpu")) {
    return {
      kept: new Map(),
      told: [`the run was begun on ${recorded.device}, and goes on on ${device}: chosen anew`],
    };
  }
  const hasBf16 = device === "cpu" ? able.cpuBf16.length > 0 : able.cudaBf16;
  const precise = recorded.phases.filter(
    ({ precision }) => wanted.precision === "auto" || wanted.precision === precision,
  );
  const possible = precise.filter(({ precision }) => precision === "fp32" || hasBf16 || wanted.precision === "bf16");
  const told: string[] = [];
  if (possible.length < precise.length) {
    const place = device === "cpu" ? "processor" : "GPU";
    told.push(`the run was begun in bf16, and this ${place} has no units for it: chosen anew`);
  }
  const tooMany = possible.find(({ threads }) => wanted.threads === undefined && threads > machine.threads);
  if (tooMany) {
    told.push(
      `the run was begun with ${tooMany.threads} threads, and ${machine.threads} can run here: results differ in the last bits`,
    );
  }
  const kept = possible.map(({ phase, precision, threads, convolutions }): [number, PhaseComputing] => [
    phase,
    {
      precision,
      threads: wanted.threads ?? Math.min(threads, machine.threads),
      convolutions:
        wanted.convolutions === undefined || wanted.convolutions === "auto" ? convolutions : wanted.convolutions,
    },
  ]);
  return { kept: new Map(kept), told };
}
