import { parse } from "csv-parse/sync";
import { DataError } from "../errors.ts";
import type { StoredLabel } from "./pack-format.ts";

/** A labels file: columns beside the first, which names the image. */
export interface LabelTable {
  readonly columns: readonly string[];
  /** Row by normalised file name; cells in the order of `columns`, "" for none. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

/**
 * A CSV whose first line names the columns and whose first column is the file. Separated by commas, semicolons or
 * tabs, whichever the first line has most of.
 * @throws DataError naming the line: broken quoting, too many or few cells, two different rows for one file
 */
export function parseLabels(text: string, path: string): LabelTable {
  const [firstLine = ""] = text.split(/\r?\n/, 1);
  const delimiter = [",", ";", "\t"].reduce((best, each) =>
    firstLine.split(each).length > firstLine.split(best).length ? each : best,
  );
  let records: string[][];
  try {
    records = parse(text, { bom: true, delimiter, trim: true, skip_empty_lines: true });
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new DataError(`${path}: not a CSV with one line a file: ${line}`, { cause: error });
  }
  const [head = [], ...body] = records;
  const columns = head.slice(1);
  if (columns.length === 0)
    throw new DataError(`${path}: needs a file column and at least one more, got "${firstLine}"`);
  const twice = columns.find((name, i) => name === "" || columns.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new DataError(`${path}: column ${twice === "" ? "without a name" : `${twice} twice`} in the first line`);
  }
  const rows = new Map<string, string[]>();
  for (const [file = "", ...cells] of body) {
    const key = normalizeName(file);
    const before = rows.get(key);
    if (before?.some((cell, i) => cell !== cells[i])) {
      throw new DataError(`${path}: two different rows for ${file}; keep one`);
    }
    rows.set(key, cells);
  }
  return { columns, rows };
}

/** A name as it is compared: composed Unicode, forward slashes, no leading "./". */
export function normalizeName(name: string): string {
  return name
    .normalize("NFC")
    .replaceAll("\\", "/")
    .replace(/^(?:\.?\/)+/, "");
}

/** Values of an image by label; "", or no entry, where it has none. */
export type LabelRow = Readonly<Record<string, string | number>>;

/**
 * Column-wise labels: a column is numeric if all its values are finite numbers, else its values are categories, in
 * alphabetical order. Columns without any value are left out.
 * @param rows one for each image, in the pack's order
 */
export function buildLabels(rows: readonly LabelRow[]): StoredLabel[] {
  const names = new Set<string>();
  for (const row of rows) for (const name in row) names.add(name);
  const labels: StoredLabel[] = [];
  for (const name of names) {
    const cells = rows.map((row) => row[name] ?? "");
    const present = cells.filter((cell) => cell !== "");
    if (present.length === 0) continue;
    if (present.every(isNumber)) {
      const values = cells.map((cell) => (cell === "" ? null : Number(cell)));
      labels.push({ name, kind: "number", values });
      continue;
    }
    const categories = [...new Set(present.map(String))].sort();
    const codeOf = new Map(categories.map((category, code) => [category, code]));
    const codes = cells.map((cell) => codeOf.get(String(cell)) ?? -1);
    labels.push({ name, kind: "category", categories, codes });
  }
  return labels;
}

function isNumber(cell: string | number): boolean {
  return Number.isFinite(Number(cell));
}
