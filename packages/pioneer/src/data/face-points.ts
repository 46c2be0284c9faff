import { basename } from "node:path";
import { type FacePoints, faceProblem } from "pioneer-runtime";
import { DataError } from "../base/errors.ts";
import { quoted } from "../base/printable.ts";
import { readLabelsText } from "../base/read.ts";
import { eachRow } from "./pack/csv.ts";
import { FileRows } from "./pack/file-rows.ts";
import { normalizeName } from "./pack/labels.ts";

const fileColumn = "file";
const placeColumns = ["eye_left_x", "eye_left_y", "eye_right_x", "eye_right_y", "mouth_x", "mouth_y"] as const;
/** What programs write where there is no number. */
const noNumber = new Set(["", "nan", "na", "n/a", "null", "none"]);

/** Where photos have eyes and mouth: a CSV of `--align`, read whole. */
export class FacePointsTable extends FileRows {
  readonly path: string;
  /** The file as it stands: another text is other data. */
  readonly text: string;
  /** Six for each row. */
  readonly #places: number[] = [];
  #byBase: Map<string, number | undefined> | undefined;

  private constructor(path: string, text: string) {
    super();
    this.path = path;
    this.text = text;
  }

  /** @throws DataError: cannot be read, no CSV, a column is missing, a place is no number, two rows for one file */
  static async read(path: string): Promise<FacePointsTable> {
    const table = new FacePointsTable(path, await readLabelsText(path));
    let columns: readonly number[] | undefined;
    eachRow(table.text, path, (cells) => {
      if (columns === undefined) columns = findColumns(cells, path);
      else table.#add(columns.map((column) => cells[column] ?? ""));
    });
    if (columns === undefined) findColumns([], path);
    return table;
  }

  /**
   * The row of a photo anywhere on the disk: one whose file its path ends with, else the only one with its base name.
   * @returns undefined where there is none, or several
   */
  rowOfPath(path: string): number | undefined {
    for (let rest = normalizeName(path); ; rest = rest.slice(rest.indexOf("/") + 1)) {
      const row = this.rowOf(rest);
      if (row !== undefined) return row;
      if (!rest.includes("/")) break;
    }
    this.#byBase ??= this.#countBases();
    return this.#byBase.get(basename(normalizeName(path)));
  }

  /** The face of a row, or why there is none, as the end of a sentence that begins with the photo. */
  faceAt(row: number | undefined): FacePoints | string {
    const file = basename(this.path);
    if (row === undefined) return `has no row in ${file}`;
    const places = this.#places.slice(6 * row, 6 * row + 6);
    const missing = places.findIndex(Number.isNaN);
    if (missing !== -1) return `has no eyes and mouth in ${file} (${placeColumns[missing]} is empty)`;
    const [ax, ay, bx, by, mx, my] = places as [number, number, number, number, number, number];
    const face = { eyeLeft: [ax, ay], eyeRight: [bx, by], mouth: [mx, my] } as const;
    const problem = faceProblem(face);
    return problem === undefined ? face : `${problem}, in ${file}`;
  }

  #add([file = "", ...cells]: readonly string[]): void {
    const places = cells.map((cell, i) => {
      if (noNumber.has(cell.toLowerCase())) return Number.NaN;
      const place = Number(cell);
      if (Number.isFinite(place)) return place;
      throw new DataError(
        `${this.path}: ${placeColumns[i]} of ${file} is ${quoted(cell)}, expected a number of pixels`,
      );
    });
    const name = normalizeName(file);
    const before = this.rowOf(name);
    if (before === undefined) {
      this.addFile(name);
      this.#places.push(...places);
    } else if (places.some((place, i) => !Object.is(place, this.#places[6 * before + i]))) {
      throw new DataError(`${this.path}: two different rows for ${file}; keep one`);
    }
  }

  #countBases(): Map<string, number | undefined> {
    const bases = new Map<string, number | undefined>();
    for (const [file, row] of this.names) {
      const base = basename(file);
      bases.set(base, bases.has(base) ? undefined : row);
    }
    return bases;
  }
}

/** @returns where the file and the six places stand in a row */
function findColumns(names: readonly string[], path: string): number[] {
  const wanted = [fileColumn, ...placeColumns];
  const missing = wanted.filter((column) => !names.includes(column));
  if (missing.length > 0) {
    throw new DataError(
      `${path} has no column ${missing.join(", ")}: --align takes a CSV whose first line names ${wanted.join(", ")}, places in pixels, left as seen in the picture`,
    );
  }
  return wanted.map((column) => names.indexOf(column));
}
