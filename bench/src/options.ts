import { parseArgs } from "node:util";
import { blockCount, type Computing, measureComputing, type WantedComputing } from "pioneer-networks/torch";
import type { ModelConfig } from "pioneer-runtime";
import { weightFormats } from "pioneer-runtime/internal";
import { type ConvolutionForm, convolutionForms } from "pioneer-torch";
import type { AskedPrecision } from "./trial.ts";
import type { Workload } from "./workload.ts";

/** A wrong command line; exit code 2. */
export class UsageError extends Error {
  readonly exitCode = 2;
}

const { values, positionals } = (() => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        phase: { type: "string" },
        phases: { type: "string" },
        batch: { type: "string" },
        n: { type: "string" },
        steps: { type: "string" },
        trials: { type: "string" },
        precision: { type: "string", default: "auto" },
        convolutions: { type: "string", default: "auto" },
        threads: { type: "string" },
        device: { type: "string", default: "cpu" },
        only: { type: "string" },
        model: { type: "string" },
        data: { type: "string" },
        parameters: { type: "string" },
        out: { type: "string" },
        minutes: { type: "string" },
        "cuda-graphs": { type: "boolean", default: false },
        busy: { type: "boolean", default: false },
        dtype: { type: "string", default: "fp32" },
        wasm: { type: "boolean", default: false },
        "no-baselines": { type: "boolean", default: false },
        "no-limit": { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`);
    process.exit(2);
  }
})();

export const flags = values;
export const [command = values.help ? "help" : "", ...operands] = positionals;

/** The last phase there is. */
export const lastPhase = blockCount - 1;

/** The whole numbers of a list such as "0,2,4". */
export function wholes(name: string, text: string, min: number, max = Number.POSITIVE_INFINITY): number[] {
  return text.split(",").map((part) => {
    const value = Number(part);
    if (part === "" || !Number.isInteger(value) || value < min || value > max) {
      const kind = text.includes(",") ? "whole numbers" : "a whole number";
      const range = Number.isFinite(max) ? `from ${min} to ${max}` : `from ${min}`;
      throw new UsageError(`--${name} must be ${kind} ${range}, got ${text}`);
    }
    return value;
  });
}

const whole = (
  name: "phase" | "batch" | "n" | "steps" | "trials" | "threads" | "minutes",
  min: number,
  otherwise?: number,
  max?: number,
) => wholes(name, values[name] ?? `${otherwise}`, min, max)[0] as number;

export const defaultSize = 512;

export const workloadOf = (otherwise: Workload = { phase: 4, batch: 8, n: defaultSize }): Workload => ({
  phase: whole("phase", 0, otherwise.phase, lastPhase),
  batch: whole("batch", 2, otherwise.batch),
  n: whole("n", 2, otherwise.n),
});

/** What exported weights are stored as. */
export const dtypesOf = (): ModelConfig["dtype"][] =>
  values.dtype.split(",").map((name) => {
    const found = weightFormats.find((format) => format === name);
    if (found !== undefined) return found;
    throw new UsageError(`--dtype must be some of ${weightFormats.join(", ")}, got ${values.dtype}`);
  });

/** Without --steps the short ones are repeated, for two seconds. */
export const leastSecondsOf = (): number => (values.steps === undefined ? 2 : 0);
export const stepsOf = (otherwise = 5): number => whole("steps", 1, otherwise);
export const trialsOf = (otherwise = 1): number => whole("trials", 1, otherwise);
export const minutesOf = (otherwise: number): number => whole("minutes", 1, otherwise);
export const threadsOf = (): number | undefined => (values.threads === undefined ? undefined : whole("threads", 1));

const isForm = (text: string): text is ConvolutionForm => convolutionForms.some((form) => form === text);

/** What the flags ask for. */
export function wantedOf(): WantedComputing & { readonly precision: AskedPrecision } {
  const { precision, convolutions, device } = values;
  if (device !== "cpu" && device !== "cuda") throw new UsageError(`--device must be cpu or cuda, got ${device}`);
  if (precision !== "auto" && precision !== "bf16" && precision !== "fp32") {
    throw new UsageError(`--precision must be auto, bf16 or fp32, got ${precision}`);
  }
  if (convolutions !== "auto" && !isForm(convolutions)) {
    throw new UsageError(`--convolutions must be auto, ${convolutionForms.join(" or ")}, got ${convolutions}`);
  }
  return { device, precision, convolutions, threads: threadsOf() };
}

/** What a training run of such networks would take, within what the flags ask for. @param precision in place of theirs */
export const computingOf = (
  { phase, batch, n }: Workload,
  precision: WantedComputing["precision"] = wantedOf().precision,
): Promise<Computing> => measureComputing({ latent: n, channels: n, phase, batch }, { ...wantedOf(), precision });
