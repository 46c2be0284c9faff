import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { diskError } from "../base/disk.ts";
import { version } from "../base/version.ts";
import { appendWhole } from "../base/write.ts";
import type { Precision } from "../networks/index.ts";
import type { MetricValue } from "./metric.ts";

/** A line of metrics.jsonl: numbers, and all that they depend on. */
export interface MetricsRecord {
  /** Of the program. */
  readonly version: string;
  /** Training images the model has been shown. */
  readonly images: number;
  readonly resolution: number;
  /** Id of the pack, and the splits used of it. */
  readonly pack: string;
  readonly reference: string;
  readonly heldOut: string;
  readonly seed: number;
  readonly precision: Precision;
  /** Samples, or images encoded, of each number, by name. Missing in lines of earlier versions, as is what follows. */
  readonly counts?: Readonly<Record<string, number>>;
  /** sha256 of the networks that numbers depend on, by their option. */
  readonly networks?: Readonly<Record<string, string>>;
  /** By name. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What is not finite, as the KL of codes without any spread, is left out: JSON has no number for it. */
export function metricsRecord(
  values: readonly MetricValue[],
  facts: Omit<MetricsRecord, "version" | "counts" | "metrics">,
): MetricsRecord {
  const finite = values.filter(({ value }) => Number.isFinite(value));
  return {
    version,
    ...facts,
    counts: Object.fromEntries(finite.map(({ name, images }) => [name, images])),
    metrics: Object.fromEntries(finite.map(({ name, value }) => [name, value])),
  };
}

export const metricsFile = (run: string): string => join(run, "metrics.jsonl");

/** Adds a line, in one piece. @throws DataError if the disk refuses */
export function appendMetrics(run: string, record: MetricsRecord): void {
  try {
    appendWhole(metricsFile(run), `${JSON.stringify(record)}\n`);
  } catch (error) {
    throw diskError(error, metricsFile(run));
  }
}

/** @throws DataError if a line could not be added: better known before an hour of work than after it */
export function checkAppendable(run: string): void {
  try {
    accessSync(run, constants.W_OK);
  } catch (error) {
    throw diskError(error, metricsFile(run));
  }
}
