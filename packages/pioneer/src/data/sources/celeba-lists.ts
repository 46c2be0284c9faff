import { DataError } from "../../base/errors.ts";
import { quoted } from "../../base/printable.ts";
import { readLabelsText } from "../../base/read.ts";
import { recordOf } from "../../base/record.ts";

/** CelebA's partition numbers. */
const splits: ReadonlyMap<string, string> = new Map([
  ["0", "train"],
  ["1", "val"],
  ["2", "test"],
]);

/** Attributes by image: 1 (has it) or -1. */
export type Attributes = ReadonlyMap<string, Readonly<Record<string, number>>>;

/**
 * list_attr_celeba.txt: the number of images, the names of the attributes, then a line for each image. As a CSV, which Kaggle
 * has, the first line names the columns and nothing says the number.
 * @returns labels by the image's file name
 * @throws DataError naming the line: cut short, a wrong number of values, a value that is not 1 or -1
 */
export async function readAttributes(path: string): Promise<Attributes> {
  const all = await readLines(path);
  const lines = isCsv(path) ? [String(all.filter((line) => line.trim() !== "").length - 1), ...all] : all;
  const firstRow = isCsv(path) ? 2 : 3;
  const count = Number(lines[0]?.trim());
  const names = isCsv(path) ? words(lines[1]).slice(1) : words(lines[1]);
  if (!Number.isInteger(count) || names.length === 0 || new Set(names).size !== names.length) {
    throw new DataError(
      `${path}: not CelebA's list of attributes: the first line is the number of images, the second names the attributes`,
    );
  }
  const rows = new Map<string, Record<string, number>>();
  for (const [i, line] of lines.slice(2).entries()) {
    const [file, ...values] = words(line);
    if (file === undefined) continue;
    if (values.length !== names.length) {
      throw new DataError(
        `${path}: line ${i + firstRow} has ${values.length} values for ${names.length} attributes; download it again`,
      );
    }
    const row = recordOf<number>();
    for (const [j, name] of names.entries()) {
      const value = values[j];
      if (value !== "1" && value !== "-1") {
        throw new DataError(`${path}: line ${i + firstRow}: ${name} is ${quoted(value)}, expected 1 or -1`);
      }
      row[name] = value === "1" ? 1 : -1;
    }
    rows.set(file, row);
  }
  if (rows.size !== count) {
    throw new DataError(
      `${path}: cut short or edited: it lists ${rows.size} images and says ${count}; download it again`,
    );
  }
  return rows;
}

/**
 * list_eval_partition.txt: a line "FILE PARTITION" for each image; as a CSV with a first line that names the columns.
 * @returns train, val or test by the image's file name
 * @throws DataError naming the line
 */
export async function readPartition(path: string): Promise<ReadonlyMap<string, string>> {
  const rows = new Map<string, string>();
  for (const [i, line] of (await readLines(path)).entries()) {
    const [file, partition = "", ...more] = words(line);
    if (file === undefined || (i === 0 && isCsv(path))) continue;
    const split = splits.get(partition);
    if (split === undefined || more.length > 0) {
      throw new DataError(
        `${path}: line ${i + 1} is ${quoted(line)}, expected a file and 0 (train), 1 (val) or 2 (test)`,
      );
    }
    rows.set(file, split);
  }
  return rows;
}

/** An image of CelebA-HQ and the one of CelebA it was made of. */
export interface CelebaHqOrigin {
  /** Index into CelebA, from 0. */
  readonly index: number;
  readonly file: string;
}

/**
 * image_list.txt, which comes with CelebA-HQ: columns idx, orig_idx, orig_file and checksums.
 * @returns by idx
 * @throws DataError naming the line
 */
export async function readImageList(path: string): Promise<readonly CelebaHqOrigin[]> {
  const [head, ...lines] = await readLines(path);
  const columns = words(head);
  const [number, index, file] = ["idx", "orig_idx", "orig_file"].map((name) => columns.indexOf(name)) as [
    number,
    number,
    number,
  ];
  if (number < 0 || index < 0 || file < 0) {
    throw new DataError(`${path}: not CelebA-HQ's list of images: the first line names idx, orig_idx and orig_file`);
  }
  const origins: CelebaHqOrigin[] = [];
  for (const [i, line] of lines.entries()) {
    const cells = words(line);
    if (cells.length === 0) continue;
    const origin = { index: Number(cells[index]), file: cells[file] ?? "" };
    if (Number(cells[number]) !== origins.length || !Number.isInteger(origin.index) || origin.file === "") {
      throw new DataError(`${path}: line ${i + 2} is not image ${origins.length} of CelebA-HQ; download it again`);
    }
    origins.push(origin);
  }
  return origins;
}

const isCsv = (path: string) => path.endsWith(".csv");

async function readLines(path: string): Promise<string[]> {
  return (await readLabelsText(path)).split(/\r?\n/);
}

function words(line: string | undefined): string[] {
  return line?.split(/[\s,]+/).filter((word) => word !== "") ?? [];
}
