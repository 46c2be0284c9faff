// Images per step: one number, one for each resolution, or what the authors took.
import { z } from "zod";
import { isResolution } from "./option-schema.ts";

const batchError = 'auto, a whole number from 2, or a list by resolution such as "32:64,64:32" with every batch from 2';

/** "16" -> 16 and "32:64,64:32" -> {32: 64, 64: 32}: a flag and a line of the configuration file mean the same. */
function readBatch(value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (/^\d+$/.test(value)) return Number(value);
  if (!/^\d+:\d+(,\d+:\d+)*$/.test(value)) return value;
  return Object.fromEntries(value.split(",").map((entry) => entry.split(":").map(Number)));
}

const batchSize = z.number(batchError).int(batchError).min(2, batchError);
const batchTable = z.record(
  z.string().refine((key) => isResolution(Number(key)), batchError),
  batchSize,
);

/** What --batch takes. */
export const batch = z
  .preprocess(readBatch, z.union([z.literal("auto"), batchSize, batchTable], batchError))
  .meta({ range: `: ${batchError}` })
  .default("auto");

export type Batch = z.infer<typeof batch>;

/** The authors' batch on one GPU by resolution (docs/algorithm.md, section 4). */
const autoBatch: Readonly<Record<number, number>> = { 32: 64, 64: 32, 128: 16, 256: 8, 512: 4, 1024: 2 };

/** Images per step at a resolution; one that a list leaves out gets what auto gives. */
export function batchAt(batch: Batch, resolution: number): number {
  if (typeof batch === "number") return batch;
  const listed = batch === "auto" ? undefined : batch[String(resolution)];
  return listed ?? autoBatch[resolution] ?? 128;
}
