import { DataError } from "../../base/errors.ts";
import { eachRow, firstLineOf } from "./csv.ts";
import { FileRows } from "./file-rows.ts";
import { NameTable } from "./names.ts";

/** A labels file: columns beside the first, which names the image. Cells lie in one piece: there may be millions. */
export class LabelTable extends FileRows {
  readonly columns: readonly string[];
  readonly #cells = new NameTable();

  constructor(columns: readonly string[]) {
    super();
    this.columns = columns;
  }

  /** A row's cells in the order of the columns, "" for none. */
  cellsOf(row: number): string[] {
    return this.columns.map((_, column) => this.#cells.at(row * this.columns.length + column));
  }

  /** @returns false where the file has another row already, with other cells */
  add(file: string, cells: readonly string[]): boolean {
    const before = this.rowOf(file);
    if (before !== undefined) return this.cellsOf(before).every((cell, column) => cell === cells[column]);
    this.addFile(file);
    for (const cell of cells) this.#cells.push(cell);
    return true;
  }
}

/** What names of photos end in: a first line that begins with one names no columns. */
const photoName = /\.(?:jpe?g|png|webp|avif|tiff?|gif|bmp)$/i;
/** What the column of files is called where it need not be the first. */
const fileColumn = /^file_?name$/i;

/** Names for columns that have none. */
const unnamed = (count: number): string[] =>
  count === 1 ? ["label"] : Array.from({ length: count }, (_, i) => `label${i + 1}`);

/**
 * A CSV whose first line names the columns and whose first column is the file, if none is called file_name. Where the first line
 * is one of a photo already, the columns are label, or label1, label2 and so on.
 * @throws DataError naming the line: broken quoting, too many or few cells, two different rows for one file
 */
export function parseLabels(text: string, path: string): LabelTable {
  const found: { table?: LabelTable; twofold?: string } = {};
  let place = 0;
  eachRow(text, path, (row) => {
    if (found.table === undefined) {
      place = Math.max(
        0,
        row.findIndex((name) => fileColumn.test(name)),
      );
      const hasNames = !photoName.test(row[0] ?? "");
      found.table = new LabelTable(hasNames ? row.toSpliced(place, 1) : unnamed(row.length - 1));
      if (hasNames) return;
    }
    const file = row[place] ?? "";
    if (!found.table.add(normalizeName(file), row.toSpliced(place, 1))) found.twofold ??= file;
  });
  const { table, twofold } = found;
  const columns = table?.columns ?? [];
  if (table === undefined || columns.length === 0) {
    throw new DataError(`${path}: needs a file column and at least one more, got "${firstLineOf(text)}"`);
  }
  const twice = columns.find((name, i) => name === "" || columns.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new DataError(`${path}: column ${twice === "" ? "without a name" : `${twice} twice`} in the first line`);
  }
  if (twofold !== undefined) throw new DataError(`${path}: two different rows for ${twofold}; keep one`);
  return table;
}

/** A name as it is compared: composed Unicode, forward slashes, no leading "..". */
export function normalizeName(name: string): string {
  return name
    .normalize("NFC")
    .replaceAll("\\", "/")
    .replace(/^(?:\.?\/)+/, "");
}

/** Values of an image by label; "", or no entry, where it has none. */
export type LabelRow = Readonly<Record<string, string | number>>;

/** A label of all images: numbers, or names among some. */
export type LabelColumn =
  | { readonly name: string; readonly kind: "number" }
  | { readonly name: string; readonly kind: "category"; readonly categories: readonly string[] };

/**
 * The labels there are, in the order in which they first appear: a column is numeric if all its values are finite
 * numbers (NA, nan, ? and the like are none), else its values are categories, in alphabetical order. Columns without any value are left out.
 */
export function findColumns(rows: Iterable<LabelRow>): LabelColumn[] {
  const found = new Map<string, { hasValues: boolean; hasNumbers: boolean; isNumeric: boolean }>();
  for (const row of rows) {
    for (const name in row) {
      const column = found.get(name) ?? { hasValues: false, hasNumbers: false, isNumeric: true };
      found.set(name, column);
      const cell = row[name] ?? "";
      if (cell === "") continue;
      column.hasValues = true;
      if (isMissingNumber(cell)) continue;
      column.hasNumbers = true;
      if (column.isNumeric && !isNumber(cell)) column.isNumeric = false;
    }
  }
  // NA and the like are missing numbers beside numbers, and names beside names.
  for (const column of found.values()) column.isNumeric &&= column.hasNumbers;
  const columns = [...found].filter(([, { hasValues }]) => hasValues);
  const names = columns.filter(([, { isNumeric }]) => !isNumeric).map(([name]) => name);
  const categories = findCategories(rows, names);
  return columns.map(([name, { isNumeric }]) =>
    isNumeric ? { name, kind: "number" } : { name, kind: "category", categories: categories.get(name) ?? [] },
  );
}

function findCategories(rows: Iterable<LabelRow>, names: readonly string[]): Map<string, readonly string[]> {
  const sets = names.map((name) => [name, new Set<string>()] as const);
  if (sets.length > 0) {
    for (const row of rows) {
      for (const [name, set] of sets) {
        const cell = row[name] ?? "";
        if (cell !== "") set.add(String(cell));
      }
    }
  }
  return new Map(sets.map(([name, set]) => [name, [...set].sort()]));
}

/** How a column's cells are stored: as numbers, NaN for none; as indices into its categories, -1 for none. */
export function cellEncoder(column: LabelColumn): (cell: string | number | undefined) => number {
  if (column.kind === "number")
    return (cell = "") => (cell === "" || isMissingNumber(cell) ? Number.NaN : Number(cell));
  const codeOf = new Map(column.categories.map((category, code) => [category, code]));
  return (cell = "") => codeOf.get(String(cell)) ?? -1;
}

/** What programs write where a number is missing. */
const missing = new Set(["na", "n/a", "nan", "null", "none", "?", "-"]);
const isMissingNumber = (cell: string | number): boolean => missing.has(String(cell).toLowerCase());

function isNumber(cell: string | number): boolean {
  return Number.isFinite(Number(cell));
}
