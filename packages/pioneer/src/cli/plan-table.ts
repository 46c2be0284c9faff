import type { TrainPlan } from "../train/plan.ts";
import { formatDuration, formatKimg } from "../train/progress-line.ts";

/** The schedule as aligned lines. */
export function formatPlan(plan: TrainPlan): string[] {
  const rows = plan.phases.map((phase) => [
    String(phase.phase),
    `${phase.resolution}x${phase.resolution}`,
    String(phase.batch),
    formatKimg(phase.images),
    formatKimg(phase.fadeImages),
    formatDuration(phase.hours * 3600),
    `${(phase.memoryMiB / 1024).toFixed(1)} GiB`,
  ]);
  const table = alignColumns([["phase", "size", "batch", "kimg", "fading", "time", "memory"], ...rows]);
  const total = `${formatKimg(plan.totalImages)} kimg in about ${formatDuration(plan.hours * 3600)}`;
  return [...table, `total ${total} on ${plan.device}, ${plan.precision} (${plan.why})`];
}

/** Rows of text, every column as wide as its widest cell, right-aligned. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  "));
}
