import { basename, dirname, join } from "node:path";
import { DataError } from "../../base/errors.ts";
import { readLabelsText } from "../../base/read.ts";
import { recordOf } from "../../base/record.ts";
import { type LabelTable, normalizeName } from "../pack/labels.ts";
import type { Names } from "../pack/names.ts";
import { chooseLabels, folderOf, type LabelsFile, parseLabelFiles } from "./label-files.ts";
import { readFolders, type SourceEntry } from "./source.ts";

/** StyleGAN's dataset_tool.py puts a thousand images into each folder, which is no class. */
const shardName = /^\d{5}\/img\d{8}\.\w+$/;

/** Entries with splits and labels, made when they are asked for, and what there is to say about them. */
export interface Annotated {
  readonly entry: (index: number) => SourceEntry;
  readonly notes: string[];
}

/**
 * The labels files to use: the one given, else those inside the source, else a `labels.csv` beside it.
 * @param source path of the folder or archive
 * @param given  `--labels`
 * @param inside names of labels files inside the source (`isLabelsName`), and how one is read
 * @throws DataError if the given one cannot be read
 */
export async function findLabels(
  source: string,
  given: string | undefined,
  inside?: { readonly names: readonly string[]; readonly read: (name: string) => Promise<string> },
): Promise<LabelsFile[]> {
  if (given !== undefined) {
    return [{ path: given, text: await readLabelsText(given), isGuess: false }];
  }
  const files: LabelsFile[] = [];
  if (inside !== undefined) {
    for (const name of chooseLabels(inside.names)) {
      const text = await inside.read(name);
      files.push({ path: join(source, name), text, isGuess: false, under: folderOf(name) });
    }
  }
  if (files.length > 0) return files;
  const path = join(dirname(source), "labels.csv");
  const text = await readLabelsText(path).catch(() => undefined);
  return text === undefined ? [] : [{ path, text, isGuess: true }];
}

/** What the files say, for a digest. */
export const textsOf = (files: readonly LabelsFile[]): string => files.map(({ text }) => text).join("");

/**
 * Splits and labels of files by their folders and the labels file, whose word counts more.
 * @param names    paths inside the source
 * @param prefixes what names in the labels file may begin with besides: the source's own name, an archive's top folder
 * @throws DataError if no row of a labels file that was given or is inside the source names an image
 */
export function annotate(names: Names, files: readonly LabelsFile[], prefixes: readonly string[]): Annotated {
  // One class for all says nothing: often it is just the folder the photos came in.
  const classes = new Set<string | undefined>();
  let areShards = true;
  for (const name of names) {
    classes.add(readFolders(name).className);
    areShards &&= shardName.test(name);
  }
  const table = parseLabelFiles(files);
  const rowOf = table === undefined ? () => undefined : matchRows(table, names, prefixes);
  const entry = (index: number): SourceEntry => {
    const name = names.at(index);
    const labels = recordOf<string>();
    let { split, className } = readFolders(name);
    if (classes.size > 1 && !areShards && className !== undefined) labels.class = className;
    const row = rowOf(name);
    const cells = row === undefined ? [] : (table?.cellsOf(row) ?? []);
    for (const [column, cell] of cells.entries()) {
      const label = table?.columns[column] ?? "";
      if (label.toLowerCase() !== "split") labels[label] = cell;
      else if (cell !== "") split = cell.toLowerCase();
    }
    return split === undefined ? { name, labels } : { name, split, labels };
  };
  const [file] = files;
  if (file === undefined || table === undefined) return { entry, notes: [] };
  const isMatched = new Uint8Array(table.size);
  for (const name of names) {
    const row = rowOf(name);
    if (row !== undefined) isMatched[row] = 1;
  }
  const matched = isMatched.reduce((total, each) => total + each, 0);
  return { entry, notes: describeMatches(file, table, matched, names.length) };
}

/**
 * Finds a file's row: by its whole path, by that without a prefix, or by its bare name if only one image has it.
 * @param table knows rows by normalised names
 */
export function matchRows(
  table: Pick<LabelTable, "rowOf">,
  names: Names,
  prefixes: readonly string[],
): (name: string) => number | undefined {
  // Counted when it is first needed: most labels files name whole paths.
  let bareCounts: Map<string, number> | undefined;
  return (name) => {
    const key = normalizeName(name);
    for (const prefix of ["", ...prefixes]) {
      const row = table.rowOf(normalizeName(prefix + key));
      if (row !== undefined) return row;
    }
    const bare = basename(key);
    const row = table.rowOf(bare);
    if (row === undefined) return undefined;
    bareCounts ??= countBare(names);
    return bareCounts.get(bare) === 1 ? row : undefined;
  };
}

function countBare(names: Names): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) {
    const bare = basename(normalizeName(name));
    counts.set(bare, (counts.get(bare) ?? 0) + 1);
  }
  return counts;
}

function describeMatches(file: LabelsFile, table: LabelTable, matched: number, images: number): string[] {
  if (matched === 0) {
    if (file.isGuess)
      return [`${file.path} names none of the images and was not used; give it with --labels to insist`];
    throw new DataError(
      `${file.path}: none of its ${table.size} rows names an image (first: ${table.first ?? "no rows"}); ` +
        "the first column is the file's path inside the source, the first line names the columns",
    );
  }
  const notes: string[] = [];
  const spare = table.size - matched;
  if (spare > 0) notes.push(`${file.path}: ${spare} of ${table.size} rows name no image`);
  if (matched < images) notes.push(`${file.path}: ${images - matched} of ${images} images have no row`);
  return notes;
}
