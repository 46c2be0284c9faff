// Labels files in the forms that people have them: our CSV, dataset.json of StyleGAN, metadata of Hugging Face's imagefolder.
import { DataError } from "../../base/errors.ts";
import { quoted } from "../../base/printable.ts";
import { parseJson } from "../../base/read.ts";
import { recordOf } from "../../base/record.ts";
import { LabelTable, normalizeName, parseLabels } from "../pack/labels.ts";

/** A labels file as read. */
export interface LabelsFile {
  readonly path: string;
  readonly text: string;
  /** Found beside the source rather than inside it or given: it may belong to something else. */
  readonly isGuess: boolean;
  /** The folder in the source that its names are relative to, with a slash; "" for the source itself. */
  readonly under?: string;
}

const inSource = /^(?:labels\.csv|dataset\.json)$/i;
/** Also in the folder of a split. */
const metadata = /^(?:(?:train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?)\/)?metadata\.(?:csv|jsonl)$/i;

/** Whether a file of a source is one of labels, by its name. */
export const isLabelsName = (name: string): boolean => inSource.test(name) || metadata.test(name);

/** Which files of a source hold its labels: labels.csv, else dataset.json, else all of metadata. @param names those of labels */
export function chooseLabels(names: readonly string[]): string[] {
  const csv = names.find((name) => /^labels\.csv$/i.test(name));
  const json = names.find((name) => /^dataset\.json$/i.test(name));
  const one = csv ?? json;
  return one === undefined ? [...names].sort() : [one];
}

/** The folder that names in a file are relative to. */
export const folderOf = (name: string): string => name.slice(0, name.lastIndexOf("/") + 1);

/** Rows of files as cells of named columns; the file's name in `file`. */
interface Rows {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly file: string; readonly cells: Readonly<Record<string, string>> }[];
}

/**
 * All labels of a source.
 * @returns undefined where there is no file, or none that says anything (StyleGAN's "labels": null)
 * @throws DataError naming file and line
 */
export function parseLabelFiles(files: readonly LabelsFile[]): LabelTable | undefined {
  const [first] = files;
  if (first === undefined) return undefined;
  if (files.length === 1 && !/\.jsonl?$/i.test(first.path) && (first.under ?? "") === "") {
    return parseLabels(first.text, first.path);
  }
  const parsed = files.map((file) => ({ ...parseRows(file), path: file.path, under: file.under ?? "" }));
  const columns = [...new Set(parsed.flatMap((each) => each.columns))];
  if (columns.length === 0) return undefined;
  const table = new LabelTable(columns);
  for (const { rows, path, under } of parsed) {
    for (const { file, cells } of rows) {
      const isNew = table.add(
        normalizeName(under + file),
        columns.map((column) => cells[column] ?? ""),
      );
      if (!isNew) throw new DataError(`${path}: two different rows for ${file}; keep one`);
    }
  }
  return table;
}

function parseRows({ text, path }: LabelsFile): Rows {
  if (/\.json$/i.test(path)) return parseStyleGan(text, path);
  if (/\.jsonl$/i.test(path)) return parseJsonLines(text, path);
  const table = parseLabels(text, path);
  const rows = [...table.names].map(([file, row]) => {
    const cells = table.cellsOf(row);
    return { file, cells: recordOf(table.columns.map((column, i) => [column, cells[i] ?? ""] as const)) };
  });
  return { columns: table.columns, rows };
}

/** {"labels": [["00000/img00000000.png", 6], ...]}; a label may be a list of numbers, and all may be null. */
function parseStyleGan(text: string, path: string): Rows {
  const { labels } = asObject(jsonOf(text, path));
  if (labels === null || labels === undefined) return { columns: [], rows: [] };
  if (!Array.isArray(labels)) throw new DataError(`${path}: not StyleGAN's dataset.json: "labels" is no list`);
  const columns = new Set<string>();
  const rows = labels.map((entry: unknown, i) => {
    const [file, label] = Array.isArray(entry) ? (entry as unknown[]) : [];
    const values = Array.isArray(label) ? label : [label];
    if (typeof file !== "string" || !values.every((value) => typeof value === "number")) {
      throw new DataError(`${path}: entry ${i} of "labels" is ${quoted(entry)}, expected [FILE, NUMBER]`);
    }
    const cells = recordOf(
      values.map((value, j) => [Array.isArray(label) ? `label${j + 1}` : "class", String(value)] as const),
    );
    for (const column of Object.keys(cells)) columns.add(column);
    return { file, cells };
  });
  return { columns: [...columns], rows };
}

/** A line {"file_name": "a.png", "text": "...", ...} for each image; lists and objects are passed over. */
function parseJsonLines(text: string, path: string): Rows {
  const columns = new Set<string>();
  const rows = text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === "") return [];
    const { file_name: file, ...values } = asObject(jsonOf(line, `${path}: line ${i + 1}`));
    if (typeof file !== "string") throw new DataError(`${path}: line ${i + 1} has no file_name`);
    const plain = Object.entries(values).filter(([, value]) => value !== null && typeof value !== "object");
    for (const [column] of plain) columns.add(column);
    return [{ file, cells: recordOf(plain.map(([column, value]) => [column, String(value)] as const)) }];
  });
  return { columns: [...columns], rows };
}

function jsonOf(text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new DataError(`${where}: not JSON (${(error as Error).message}); mend or remove it`, { cause: error });
  }
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
