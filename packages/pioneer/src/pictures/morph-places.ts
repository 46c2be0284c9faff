import { hexagonRows } from "pioneer-runtime";
import type { Place, PlaceOptions } from "./grid.ts";

/** Where the pictures of a morph stand. */
export interface MorphPlaces {
  readonly cells: readonly Place[];
  /** Half a cell outside the cells that they became. */
  readonly photos: readonly Place[];
  readonly headings: NonNullable<PlaceOptions["headings"]>;
}

/** Cells begin so many places from the left: a photo and half a cell. */
const beside = 1.5;

/** A row between two photos. */
export function stripPlaces(steps: number): MorphPlaces {
  const cells = rowsOf([steps]);
  return placesOf(cells, [before(0, beside), after(0, beside, steps)]);
}

/** Rows between four photos, which are at the corners: top left, top right, bottom left, bottom right. */
export function squarePlaces(steps: number): MorphPlaces {
  const cells = rowsOf(Array(steps).fill(steps));
  const corners = [0, steps - 1].flatMap((row) => [before(row, beside), after(row, beside, steps)]);
  return placesOf(cells, corners);
}

/** Centred rows between six photos, which are at the corners, clockwise from the top left. */
export function hexagonPlaces(steps: number): MorphPlaces {
  const rows = hexagonRows(steps);
  const left = (row: number) => beside + (2 * steps - 1 - (rows[row] ?? 0)) / 2;
  const first = (row: number) => before(row, left(row));
  const last = (row: number) => after(row, left(row), rows[row] ?? 0);
  const [top, middle, bottom] = [0, steps - 1, 2 * steps - 2];
  const cells = rowsOf(rows, left);
  return placesOf(cells, [first(top), last(top), last(middle), last(bottom), first(bottom), first(middle)]);
}

/** A row from each of some photos to the next: one stands at the beginning of its row, the last at the end of the last row. */
export function pathPlaces(photos: number, steps: number): MorphPlaces {
  const cells = rowsOf(Array(photos - 1).fill(steps));
  const begins = Array.from({ length: photos - 1 }, (_, row) => before(row, beside));
  return placesOf(cells, [...begins, after(photos - 2, beside, steps)]);
}

/** The cells alone, from the left edge on. */
export function withoutPhotos(cells: readonly Place[]): Place[] {
  const left = Math.min(...cells.map(({ column }) => column));
  return cells.map(({ row, column }) => ({ row, column: column - left }));
}

/** Headed above the photos of the first row. */
const placesOf = (cells: readonly Place[], photos: readonly Place[]): MorphPlaces => ({
  cells,
  photos,
  headings: photos.filter(({ row }) => row === 0).map(({ column }) => ({ text: "photo", column })),
});

const before = (row: number, left: number): Place => ({ row, column: left - beside });
const after = (row: number, left: number, length: number): Place => ({ row, column: left + length + beside - 1 });

const rowsOf = (lengths: readonly number[], left: (row: number) => number = () => beside): Place[] =>
  lengths.flatMap((length, row) => Array.from({ length }, (_, column) => ({ row, column: left(row) + column })));
