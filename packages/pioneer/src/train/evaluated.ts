// Metrics in TensorBoard, of training itself and of `pioneer evaluate`.
import { join } from "node:path";
import { diskError } from "../base/disk.ts";
import { makeOurFolder } from "../base/write.ts";
import type { MetricsRecord } from "../metrics/record.ts";
import { TensorboardWriter } from "./tensorboard.ts";

/** The folder of a run that TensorBoard is shown. */
export const tensorboardFolder = (run: string): string => join(run, "tb");

/** Values by their tags. */
export const scalarsOf = ({ metrics }: Pick<MetricsRecord, "metrics">): Record<string, number> =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`metrics/${name}`, value]));

/**
 * Shows what was evaluated beside a run's own curves. In a folder below: of the files of one folder TensorBoard reads the newest
 * alone, and would no longer see the one that a training writes meanwhile.
 * @throws DataError if the disk refuses
 */
export function showEvaluated(run: string, record: Pick<MetricsRecord, "images" | "metrics">): void {
  const folder = tensorboardFolder(run);
  try {
    makeOurFolder(folder);
    const writer = new TensorboardWriter(join(folder, "evaluate"));
    try {
      writer.scalars(record.images, scalarsOf(record));
    } finally {
      writer.close();
    }
  } catch (error) {
    throw diskError(error, folder);
  }
}
