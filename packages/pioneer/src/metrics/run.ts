// `pioneer evaluate` without its words: a checkpoint, a pack and options in; numbers out, and noted in the run.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { ConfigError, DataError } from "../base/errors.ts";
import { chooseComputing, useComputing } from "../compute/device.ts";
import type { TrainConfig } from "../config/config.ts";
import { PackPixels } from "../data/batches.ts";
import { packFor } from "../data/ensure.ts";
import type { Pack } from "../data/pack/pack.ts";
import type { Engine } from "../models/engines.ts";
import { checkTrainedOn } from "../models/trained-on.ts";
import { loadMetrics, type MetricName, metricNames, type NamedMetric } from "./catalogue.ts";
import { type EvaluateProgress, evaluate } from "./evaluate.ts";
import type { MetricValue } from "./metric.ts";
import { checkNetworks, type GivenNetworks, openNetworks } from "./networks.ts";
import { appendMetrics, checkAppendable, type MetricsRecord, metricsFile, metricsRecord } from "./record.ts";
import { checkFit, checkSplit, selectImages, type Wanted } from "./selection.ts";
import { openSubject, type Subject } from "./subject.ts";

export interface EvaluateModelOptions extends GivenNetworks {
  /** A run (its newest checkpoint), a checkpoint or a model folder. */
  readonly model: string;
  readonly engine?: Engine | undefined;
  /** A pack, or a source that is packed first as the model wants it; by default the data the model was trained on. */
  readonly data?: string | undefined;
  /** By default all whose networks are given and for which the images are large enough. */
  readonly metrics?: readonly MetricName[] | undefined;
  readonly count?: number | undefined;
  readonly seed: number;
  readonly reference: string;
  readonly heldOut: string;
  readonly precision: TrainConfig["precision"];
  readonly device: TrainConfig["device"];
  readonly threads?: number | undefined;
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

export interface Evaluated {
  /** What was evaluated: a checkpoint or a model folder. */
  readonly checkpoint: string;
  readonly values: readonly MetricValue[];
  /** Why what nobody asked for by name was not measured. */
  readonly notMeasured: readonly string[];
  readonly record: MetricsRecord;
  /** Where the record was noted; undefined if the checkpoint belongs to no run. */
  readonly file: string | undefined;
}

/**
 * Computes metrics of a model and adds them to metrics.jsonl of its run.
 * @throws ConfigError, DataError, CheckpointError before any work where options, data and model do not fit together
 */
export async function evaluateModel(options: EvaluateModelOptions): Promise<Evaluated> {
  const { seed, reference, heldOut, count } = options;
  const asked = options.metrics && (await loadMetrics(options.metrics));
  if (asked) await checkNetworks(asked, options);
  const computing = chooseComputing(options);
  useComputing(computing);
  const opened = await openSubject(options.model, computing, options.engine);
  const { subject, precision, crop, align, images, path, run } = opened;
  try {
    if (options.precision === "bf16" && precision !== "bf16") {
      throw new ConfigError(`--precision bf16: ${path} is a model folder, which is computed in float32; leave it out`);
    }
    const unknowable = subject.hasLatents ? undefined : asked?.find(({ needs }) => needs.heldOut);
    if (unknowable) {
      throw new ConfigError(
        `--metrics ${unknowable.name}: the encoder of ${path} judges images and makes no latents (recipe gan); leave it out`,
      );
    }
    if (run) checkAppendable(run);
    const data = options.data ?? opened.trainedOn?.path;
    if (data === undefined) {
      throw new ConfigError(`--data is missing: ${path} does not hold its data; give a pack with real images`);
    }
    const { resolution, colour } = subject;
    const seen = { resolution, colour, crop, align };
    const { pack } = await packFor(seen, data);
    if (options.data === undefined) checkTrainedOn(pack, path, opened.trainedOn);
    checkFit(seen, pack);
    checkSplit(pack, reference, "--reference");
    checkSplit(pack, heldOut, "--held-out");
    const possible = asked ?? (await possibleMetrics(subject, options));
    if (!asked && possible.every(({ needs }) => resolution < (needs.resolution ?? 0))) {
      const without = subject.hasLatents ? "" : ", whose encoder makes no latents,";
      throw new ConfigError(
        `no metric can be computed of a model of ${resolution}x${resolution} images${without} without --features or --lpips: train further, or give a network`,
      );
    }
    await checkNetworks(possible, options);
    const notMeasured = new Set<string>();
    const choose = (metrics: readonly NamedMetric[], featureWidth?: number) => {
      const wanted = { count, reference, heldOut, featureWidth };
      const kept =
        asked ?? measurable(seen, pack, metrics, { ...wanted, onReason: (reason) => notMeasured.add(reason) });
      if (kept.length === 0) throw new DataError([...notMeasured][0] as string);
      return { metrics: kept, selection: selectImages(seen, pack, { ...wanted, metrics: kept }) };
    };
    const fitting = choose(possible).metrics;
    const networks = await openNetworks(options, computing.threads);
    const pixels = new PackPixels(pack);
    try {
      const { metrics, selection } = choose(fitting, networks.features?.width);
      const values = (await evaluate(subject, pixels, selection, {
        ...networks,
        metrics,
        seed,
        onProgress: options.onProgress,
      })) as MetricValue[];
      const record = metricsRecord(values, {
        images,
        resolution: subject.resolution,
        pack: pack.id,
        reference,
        heldOut,
        seed,
        precision,
        ...(await networksUsed(options, metrics)),
      });
      if (run) appendMetrics(run, record);
      return { checkpoint: path, values, notMeasured: [...notMeasured], record, file: run && metricsFile(run) };
    } finally {
      pixels.dispose();
      networks.close();
    }
  } finally {
    opened.dispose();
  }
}

/** The networks that these metrics were computed with. */
async function networksUsed(
  given: GivenNetworks,
  metrics: readonly NamedMetric[],
): Promise<Pick<MetricsRecord, "networks">> {
  const used = (["features", "lpips"] as const).filter(
    (option) => given[option] !== undefined && metrics.some(({ needs }) => needs.network === option),
  );
  if (used.length === 0) return {};
  const digests = used.map(async (option) => {
    const hash = createHash("sha256");
    await pipeline(createReadStream(given[option] as string), hash);
    return [option, hash.digest("hex")] as const;
  });
  return { networks: Object.fromEntries(await Promise.all(digests)) };
}

/** All metrics whose networks are given, and that need no latents of a model that has none. */
async function possibleMetrics({ hasLatents }: Subject, given: GivenNetworks): Promise<NamedMetric[]> {
  return (await loadMetrics(metricNames)).filter(({ needs: { network, heldOut } }) => {
    return (hasLatents || !heldOut) && (network === undefined || given[network] !== undefined);
  });
}

/** Those for which the images are large enough and many enough. */
function measurable(
  model: Parameters<typeof selectImages>[0],
  pack: Pack,
  metrics: readonly NamedMetric[],
  { onReason, ...wanted }: Omit<Wanted, "metrics"> & { readonly onReason: (reason: string) => void },
): NamedMetric[] {
  return metrics.filter((metric) => {
    try {
      selectImages(model, pack, { ...wanted, metrics: [metric] });
      return true;
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof DataError)) throw error;
      onReason(error.message);
      return false;
    }
  });
}
