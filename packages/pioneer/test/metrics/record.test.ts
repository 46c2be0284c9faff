import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import type { MetricValue } from "../../src/metrics/metric.ts";
import { appendMetrics, metricsFile, metricsRecord } from "../../src/metrics/record.ts";

test("a line has numbers only: what is not finite is left out, with its count", () => {
  const facts = {
    images: 100,
    resolution: 8,
    pack: "id",
    reference: "train",
    heldOut: "test",
    seed: 0,
    precision: "fp32",
  } as const;
  const value = (name: string, number: number): MetricValue => ({ name, value: number, images: 40 }) as MetricValue;
  const run = temporaryFolder();
  const values = [value("l1", 0.25), value("kl_real", Number.POSITIVE_INFINITY), value("fid", Number.NaN)];
  appendMetrics(run, metricsRecord(values, facts));
  const { metrics, counts } = JSON.parse(readFileSync(metricsFile(run), "utf8")) as Record<string, unknown>;
  expect({ metrics, counts }).toEqual({ metrics: { l1: 0.25 }, counts: { l1: 40 } });
});
