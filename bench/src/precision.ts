// Does training in bfloat16 go where training in float32 goes? The same steps on the same images with the same random
// numbers, and how far apart float32 itself comes to lie with other seeds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareDataset } from "pioneer-networks";
import {
  accv2018,
  ageObjective,
  Batches,
  type Computing,
  createLearner,
  disposeLearner,
  drawInputs,
  openPack,
  readLosses,
  resolutionOf,
  stream,
  trainStep,
  useComputing,
} from "pioneer-networks/torch";
import { scope } from "pioneer-torch";
import type { Workload } from "./workload.ts";

export interface PrecisionTrial extends Workload {
  readonly steps: number;
  /** What is computed with in a precision, which the fastest convolutions depend on. */
  readonly computingOf: (precision: "bf16" | "fp32") => Promise<Computing>;
  /** Called as each run begins. */
  readonly onRun?: (run: string) => void;
}

const quantities = ["xRecon", "klReal", "klFake", "cosine"] as const;
export type Outcome = Record<(typeof quantities)[number], number>;

export interface PrecisionRow {
  readonly quantity: keyof Outcome;
  /** One for each seed. */
  readonly bf16: readonly number[];
  readonly fp32: readonly number[];
  /** Of the means over the seeds, and what it may be: the larger of 3 % and twice the spread of float32's seeds. */
  readonly difference: number;
  readonly allowed: number;
}

const seeds = [1, 2, 3];

/** Procedural faces, 2,000 of them; means over the last quarter of the steps. */
export async function comparePrecisions(trial: PrecisionTrial): Promise<PrecisionRow[]> {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-precision-"));
  try {
    const out = join(folder, "faces.pack");
    await prepareDataset({ source: "procedural:faces", out, resolution: resolutionOf(trial.phase), count: 2000 });
    const outcomes = { bf16: [] as Outcome[], fp32: [] as Outcome[] };
    for (const precision of ["bf16", "fp32"] as const) {
      useComputing(await trial.computingOf(precision));
      for (const seed of seeds) outcomes[precision].push(await train(out, precision, seed, trial));
    }
    return quantities.map((quantity) => {
      const [bf16, fp32] = [outcomes.bf16, outcomes.fp32].map((runs) => runs.map((run) => run[quantity])) as [
        number[],
        number[],
      ];
      const spread = Math.max(...fp32) - Math.min(...fp32);
      return {
        quantity,
        bf16,
        fp32,
        difference: Math.abs(meanOf(bf16) - meanOf(fp32)),
        allowed: Math.max(0.03 * Math.abs(meanOf(fp32)), 2 * spread),
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function train(
  packPath: string,
  precision: "fp32" | "bf16",
  seed: number,
  { n, batch, steps, phase, onRun }: PrecisionTrial,
): Promise<Outcome> {
  onRun?.(`${precision}, seed ${seed}: ${steps} steps`);
  const pack = openPack(packPath);
  const learner = createLearner(accv2018, { latent: n, channels: n }, 0.001, stream(seed, "weights"));
  const batches = new Batches(pack, pack.splits.train as Uint32Array, { seed, mirror: true, device: "cpu" });
  const growth = { phase, alpha: 1 };
  const objective = ageObjective(accv2018);
  const sums: Outcome = { xRecon: 0, klReal: 0, klFake: 0, cosine: 0 };
  const counted = Math.ceil(steps / 4);
  for (let step = 0; step < steps; step++) {
    scope(() => {
      const inputs = drawInputs(objective, learner, batches.at(step * batch, batch, growth), {
        growth,
        random: (purpose) => stream(seed, purpose, step),
        device: "cpu",
      });
      const losses = readLosses(trainStep(objective, learner, inputs, { growth, precision, encoderOrder: "joint" }));
      if (step < steps - counted) return;
      const { xRecon = NaN, klReal = NaN, klFake = NaN, zRecon = NaN } = losses;
      const values: Outcome = { xRecon, klReal, klFake, cosine: (2 - zRecon) * n };
      for (const quantity of quantities) sums[quantity] += values[quantity] / counted;
    });
    // Lets the batch thread and signals in.
    await new Promise((resolve) => setImmediate(resolve));
  }
  batches.dispose();
  disposeLearner(learner);
  return sums;
}

export function describePrecisions(rows: readonly PrecisionRow[]): string {
  const digits = (value: number) => value.toPrecision(4);
  return rows
    .map(({ quantity, bf16, fp32, difference, allowed }) =>
      [
        difference <= allowed ? "ok    " : "FAILED",
        quantity.padEnd(8),
        `bf16 ${bf16.map(digits).join(" ")}, fp32 ${fp32.map(digits).join(" ")}; means apart ${digits(difference)}, allowed ${digits(allowed)}`,
      ].join(" "),
    )
    .join("\n");
}
