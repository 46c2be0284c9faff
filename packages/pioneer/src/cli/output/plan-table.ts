import { formatDuration, formatKimg } from "../../base/format.ts";
import type { LearningRates } from "../../config/schedule.ts";
import type { TrainPlan } from "../../train/plan.ts";

/** The schedule as aligned lines. Learning rates and margins are shown where the schedule has some of its own. */
export function formatPlan(plan: TrainPlan): string[] {
  const settings = plan.phases.map(({ learningRates, margin }) => [formatRates(learningRates), String(margin)]);
  const isPlain = settings.every(([rate, margin]) => rate === settings[0]?.[0] && margin === "0");
  const rows = plan.phases.map((phase, i) => [
    String(phase.phase),
    `${phase.resolution}x${phase.resolution}`,
    String(phase.batch),
    formatKimg(phase.images),
    formatKimg(phase.fadeImages),
    ...(isPlain ? [] : (settings[i] as string[])),
    formatDuration(phase.hours * 3600),
    `${(phase.memoryMiB / 1024).toFixed(1)} GiB`,
  ]);
  const heads = ["phase", "size", "batch", "kimg", "fading", ...(isPlain ? [] : ["lr", "margin"]), "time", "memory"];
  const table = alignColumns([heads, ...rows]);
  const total = `${formatKimg(plan.totalImages)} kimg in about ${formatDuration(plan.hours * 3600)}`;
  return [...table, `total ${total} on ${plan.device}, ${plan.precision} (${plan.why}), threads: ${plan.threads}`];
}

/** One rate, or encoder's/generator's. */
const formatRates = ({ encoder, generator }: LearningRates) =>
  encoder === generator ? String(encoder) : `${encoder}/${generator}`;

/** Rows of text, every column as wide as its widest cell, right-aligned. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "));
}
