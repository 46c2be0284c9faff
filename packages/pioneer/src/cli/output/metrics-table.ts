import type { MetricValue } from "../../metrics/metric.ts";

/** Values in columns: name, number, which way is better, images. */
export function formatMetrics(values: readonly MetricValue[]): string[] {
  const rows = values.map(({ name, value, better, target, images }) => [
    name,
    formatValue(value),
    better === "near" ? `near ${formatValue(target ?? 0)}` : `${better} is better`,
    `${images} images`,
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const [names, numbers, directions] = [width(0), width(1), width(2)];
  return rows.map(([name = "", number = "", direction = "", images = ""]) =>
    `${name.padEnd(names)}  ${number.padStart(numbers)}  ${direction.padEnd(directions)}  ${images}`.trimEnd(),
  );
}

/** Five digits are more than any of these numbers is certain of. */
const formatValue = (value: number) => String(Number(value.toPrecision(5)));
