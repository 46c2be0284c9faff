// One process a trial: the parent measures nothing itself.
import { type Computing, trainingFlags } from "pioneer-networks/torch";
import { type ConvolutionForm, capabilities } from "pioneer-torch";
import { type InferenceTiming, timeInference } from "./inference.ts";
import { limitSeconds, productsOf, squareTflops, type TimedProduct, timeProducts } from "./limit.ts";
import { runJson } from "./process.ts";
import { recordStep } from "./profile.ts";
import { type RankTiming, type RankTrial, timeRank } from "./rank.ts";
import { peakRssMiB, type StepTiming, timeStep } from "./step.ts";
import type { StepTime } from "./time-shares.ts";
import type { Workload } from "./workload.ts";

/** "auto" leaves it to a measurement. */
export type AskedPrecision = "auto" | "bf16" | "fp32";

export interface Settings {
  /** Of steps, baselines and limit. */
  readonly device: "cpu" | "cuda";
  readonly precision: "bf16" | "fp32";
  /** What was asked for. Files from before it was written down say only what was taken. */
  readonly askedPrecision?: AskedPrecision;
  /** Of the baselines, where it differs: with bf16 units theirs is bf16. */
  readonly baselinePrecision?: "bf16" | "fp32";
  /** Whether ours is recorded as a CUDA graph. Missing in older files, where it was not. */
  readonly cudaGraphs?: boolean;
  /** Of ours. */
  readonly convolutions: Computing["convolutions"];
  /** Whether they were asked for, and not the faster ones. */
  readonly forced: boolean;
  readonly threads: number;
}

/** The precision that was asked for. */
export const precisionAsked = ({
  precision,
  askedPrecision = precision,
}: Pick<Settings, "precision" | "askedPrecision">): AskedPrecision => askedPrecision;

/** The convolutions that were asked for, "auto" where they were chosen. */
export const convolutionsAsked = ({ forced = false, convolutions }: Partial<Settings>): ConvolutionForm | "auto" =>
  forced && typeof convolutions === "string" ? convolutions : "auto";

export interface LimitTiming {
  readonly seconds: number;
  readonly products: readonly TimedProduct[];
  readonly peakRssMiB: number;
  /** Of a large product of square matrices in bfloat16; on a GPU. */
  readonly matrixTflops: number | null;
}

interface Outcomes {
  step: StepTiming & { libtorch: string };
  limit: LimitTiming;
  inference: InferenceTiming;
  rank: RankTiming;
}

interface Trial<Kind extends keyof Outcomes> extends Settings, StepTime {
  readonly kind: Kind;
  readonly workload: Workload;
  /** One of several processes. */
  readonly rank?: RankTrial;
}

const trials: { readonly [Kind in keyof Outcomes]: (trial: Trial<Kind>, computing: Computing) => Outcomes[Kind] } = {
  step: (trial, computing) => ({
    ...timeStep({ ...trial, ...trial.workload, computing }),
    libtorch: capabilities().libtorch,
  }),
  limit({ workload }, computing) {
    const products = timeProducts(productsOf(recordStep(workload, computing)), computing.device);
    const matrixTflops = computing.device === "cpu" ? null : squareTflops(computing.device);
    return { seconds: limitSeconds(products), products, peakRssMiB: peakRssMiB(), matrixTflops };
  },
  inference: ({ workload, ...settings }) =>
    timeInference(workload, { threads: settings.threads, convolutions: convolutionsAsked(settings) }),
  rank: ({ workload, steps, rank }, computing) => timeRank(workload, computing, steps, rank as RankTrial),
};

/** In the child: does what the parent asked for and prints it. */
export function runTrial(text: string): void {
  const trial = JSON.parse(text) as Trial<keyof Outcomes>;
  const { device, precision, convolutions, threads } = trial;
  const computing: Computing = { device, precision, convolutions, threads, why: "as the parent chose" };
  const run = trials[trial.kind] as (trial: Trial<keyof Outcomes>, computing: Computing) => unknown;
  console.log(JSON.stringify(run(trial, computing)));
}

/** In the parent. @param addonFolder another build of the addon, against another libtorch */
export function inOwnProcess<Kind extends keyof Outcomes>(
  trial: Trial<Kind>,
  addonFolder?: string,
): Promise<Outcomes[Kind]> {
  const env = addonFolder === undefined ? {} : { PIONEER_TORCH_BUILD: addonFolder };
  const flags = trial.kind === "inference" ? [] : trainingFlags;
  return runJson(process.execPath, [...flags, process.argv[1] as string, "trial", JSON.stringify(trial)], env);
}
