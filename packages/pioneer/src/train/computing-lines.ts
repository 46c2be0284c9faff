// What was measured and chosen, for people.
import { formatRate } from "../base/format.ts";
import type { PhaseChoice } from "../compute/convolution-choice.ts";
import type { RecordedComputing } from "../compute/run-computing.ts";
import { resolutionOf } from "../networks/growth.ts";
import type { PhaseThreads, ThreadRate } from "./choose-threads.ts";
import type { ThreadFinding } from "./thread-watch.ts";

const sizeOf = (phase: number) => `${resolutionOf(phase)}x${resolutionOf(phase)}`;

/** "bf16", or what differs from where on: "fp32, bf16 from 32x32". @param phases in ascending order @param what is told of each */
export function fromSizeOn<Of>(
  phases: Iterable<readonly [phase: number, Of]>,
  what: (of: Of) => string | number,
): string {
  const values = [...phases].map(([phase, of]) => ({ phase, value: what(of) }));
  const changes = values.filter(({ value }, i) => i === 0 || value !== values[i - 1]?.value);
  return changes.map(({ phase, value }, i) => (i === 0 ? String(value) : `${value} from ${sizeOf(phase)}`)).join(", ");
}

/** "cpu, fp32, bf16 from 32x32; threads: 1, 2 from 8x8": what a checkpoint says of its run. */
export function formatRecorded({ device, phases }: RecordedComputing): string {
  const byPhase = phases.map((entry) => [entry.phase, entry] as const);
  const precision = fromSizeOn(byPhase, ({ precision }) => precision);
  return `${device}, ${precision}; threads: ${fromSizeOn(byPhase, ({ threads }) => threads)}`;
}

/** "threads: 1, 2 from 16x16 (images/s of small steps: 4x4 with 1 430, with 2 61; ...)" */
export function formatThreads(phases: ReadonlyMap<number, PhaseThreads>): string {
  const measured = [...phases].flatMap(([phase, { rates }]) =>
    rates.length === 0 ? [] : [`${sizeOf(phase)} ${formatRates(rates)}`],
  );
  const counts = fromSizeOn(phases, ({ threads }) => threads);
  return `threads: ${counts} (images/s of small steps at ${measured.join("; at ")})`;
}

/** "430 with 1, 61 with 2" */
const formatRates = (rates: readonly ThreadRate[]) =>
  rates.map((rate) => `${formatRate(rate.imagesPerSecond)} with ${rate.threads}`).join(", ");

/** "steps take 3.1 times as long as at best; threads: images/s 45 with 1, 26 with 2, from here on 1" @param before threads */
export function formatFinding({ slowdown, rates, threads }: ThreadFinding, before: number): string {
  const slow = `steps take ${slowdown.toFixed(1)} times as long as at best`;
  if (rates.length === 0) {
    const mend = threads > 1 ? ", which fewer threads would wait for less (--resume --threads 1)" : "";
    return `${slow}: other work shares this machine${mend}`;
  }
  const decided = threads === before ? `${threads} as before` : `from here on ${threads}`;
  return `${slowdown >= 1.2 ? `${slow}; ` : ""}threads: images/s ${formatRates(rates)}, ${decided}`;
}

/** "16x16: bf16, winograd in 5, taps in 1 of 7 layers, 21.3 images/s; bf16 winograd 20.1, bf16 direct 14.8, fp32 direct 9.02" */
export function formatChoice(phase: number, choice: PhaseChoice): string {
  const count = (form: string) =>
    Object.values(choice.convolutions).filter((of) => of === form || Object.values(of).includes(form)).length;
  const forms =
    choice.choosable > 0
      ? `, winograd in ${count("winograd")}, taps in ${count("taps")} of ${choice.choosable} layers`
      : "";
  const speeds = choice.speeds.map(({ way, imagesPerSecond }) => `${way} ${formatRate(imagesPerSecond)}`);
  return `${sizeOf(phase)}: ${choice.precision}${forms}, ${formatRate(choice.imagesPerSecond)} images/s; ${speeds.join(", ")}`;
}
