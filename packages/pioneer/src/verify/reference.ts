// Reads a folder of numbers computed with the authors' code (layout: fixtures/reference/README.md).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, type Tensor } from "pioneer-torch";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { parseJson, readTextSync } from "../base/read.ts";
import { blockCount } from "../networks/growth.ts";

const caseSchema = z.object({
  phase: z
    .int()
    .min(0)
    .max(blockCount - 1),
  alpha: z.number().min(0).max(1),
  match_x: z.number(),
  unchanged_parameters: z.array(z.string()).default([]),
});
const trainStepSchema = z.object({ cases: z.record(z.string(), caseSchema) });

export type ReferenceCase = z.infer<typeof caseSchema>;

export interface Reference {
  /** Inputs and outputs of both networks. */
  readonly networks: ReadonlyMap<string, Tensor>;
  /** Whole training iterations. */
  readonly trainStep: ReadonlyMap<string, Tensor>;
  readonly cases: Readonly<Record<string, ReferenceCase>>;
}

/** @throws DataError if the folder lacks a file or a file is damaged */
export function readReference(folder: string): Reference {
  const file = (name: string) => {
    const path = join(folder, name);
    if (!existsSync(path)) {
      throw new DataError(
        `${folder} is not a reference folder: ${name} is missing. It needs networks.safetensors, train_step.safetensors and train_step.json`,
      );
    }
    return path;
  };
  const parsed = trainStepSchema.safeParse(readJson(file("train_step.json")));
  if (!parsed.success)
    throw new DataError(`${file("train_step.json")}: ${z.prettifyError(parsed.error).split("\n")[0]}`);
  return {
    networks: readSafetensors(file("networks.safetensors")).tensors,
    trainStep: readSafetensors(file("train_step.safetensors")).tensors,
    cases: parsed.data.cases,
  };
}

function readJson(path: string): unknown {
  const text = readTextSync(path);
  try {
    return parseJson(text);
  } catch (error) {
    throw new DataError(`${path}: not JSON (${(error as Error).message})`, { cause: error });
  }
}
