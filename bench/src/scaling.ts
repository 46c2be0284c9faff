// A batch that several processes of one thread share, beside one process of as many threads.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { progress } from "./process.ts";
import type { RankTiming } from "./rank.ts";
import { medianOf } from "./spread.ts";
import { inOwnProcess, type Settings } from "./trial.ts";
import type { Workload } from "./workload.ts";

/** Medians of seconds. */
export interface ScalingTiming extends Workload, RankTiming {
  readonly precision: Settings["precision"];
  /** Threads of the one process, and processes of one thread. */
  readonly ranks: number;
  /** A step of one process. */
  readonly one: number;
}

/** The share of the sums' time that lies behind a process's own work. */
export const hiddenShare = ({ waited, sums }: Pick<ScalingTiming, "waited" | "sums">): number =>
  Math.max(0, 1 - waited / sums);

export async function timeScaling(workload: Workload, settings: Settings, steps: number): Promise<ScalingTiming> {
  const { phase, batch, n } = workload;
  const size = Math.max(2, settings.threads);
  const what = `phase ${phase}, batch ${batch}, n ${n}`;
  progress(`${what}: one process of ${size} threads`);
  const one = await inOwnProcess({ kind: "step", workload, steps, ...settings, threads: size });
  progress(`${what}: ${size} processes of one thread`);
  const folder = mkdtempSync(join(tmpdir(), "pioneer-bench-"));
  try {
    const ofRank = (rank: number) => ({ rank, size, meeting: { file: join(folder, "meeting") } });
    const [first] = await Promise.all(
      Array.from({ length: size }, (_, rank) =>
        inOwnProcess({ kind: "rank", workload, steps, ...settings, threads: 1, rank: ofRank(rank) }),
      ),
    );
    return {
      ...workload,
      precision: settings.precision,
      ranks: size,
      one: medianOf(one.secondsPerStep),
      ...(first as RankTiming),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function describeScaling(timing: ScalingTiming): string {
  const { phase, batch, n, precision, ranks, one, together, apart, waited, sums, bytes } = timing;
  const s = (seconds: number) => `${seconds.toFixed(3)} s`;
  return [
    `phase ${phase}, batch ${batch}, n ${n}, ${precision}`,
    `one process of ${ranks} threads: ${s(one)} per step`,
    `${ranks} processes of one thread: ${s(together)}, ${(one / together).toFixed(2)} times as fast; ${s(apart)} where they sum nothing`,
    `sums of gradients: ${(bytes / 1e6).toFixed(0)} MB, ${s(sums)} alone; waited for ${s(waited)}, ${(100 * hiddenShare(timing)).toFixed(0)} % hidden`,
  ].join("\n");
}
