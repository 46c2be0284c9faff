import { join } from "node:path";
import {
  hexagonRows,
  latentGrid,
  latentHexagon,
  latentRing,
  latentRow,
  latentStrip,
  type Model,
} from "pioneer-runtime";
import { composeAt, type Place } from "../pictures/grid.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { type AnimationOptions, animate, isAnimated } from "./animation.ts";
import { decodeAll, encodeAll, imageSize } from "./batches.ts";
import { loadPhotos, type PhotoOptions } from "./photo.ts";
import { type RefineAllOptions, refineAll } from "./refine.ts";

export interface MorphOptions extends PhotoOptions, RefineAllOptions, Partial<AnimationOptions> {
  /** Images from one photo to the next, both ends included, at least 2. */
  readonly steps: number;
}

/**
 * Interpolates between the latents of two photos (a strip), four (a square; corners top-left, top-right, bottom-left,
 * bottom-right) or six (a hexagon; corners clockwise from the top left) on the sphere. Writes each step, grid.png with the
 * originals beside the morph, and on request morph.gif and morph.mp4, the way round the photos and back to the first.
 * @param paths 2, 4 or 6 photos
 * @returns the files, the grid last
 * @throws DataError naming the first photo that cannot be read, or the file that cannot be written
 */
export async function writeMorph(
  model: Model,
  paths: readonly string[],
  options: MorphOptions,
): Promise<{ files: string[]; grid: string }> {
  const { steps, out } = options;
  const { resolution, latent } = model;
  const size = imageSize(model);
  const originals = await loadPhotos(paths, model, options.faceOf);
  const latents = await refineAll(model, originals, await encodeAll(model, originals), options);
  const corners = paths.map((_, i) => latentRow(latents, latent, i));
  const shape = layOut(corners, steps);
  const images = await decodeAll(model, shape.latents);

  const files: string[] = [];
  for (const [i, name] of shape.names.entries()) {
    const file = join(out, `${name}.png`);
    await writeImage(file, images.subarray(i * size, (i + 1) * size), resolution);
    files.push(file);
  }
  if (isAnimated(options)) {
    const { fps, seconds = 2 * paths.length } = options;
    const perPhoto = Math.max(1, Math.round((seconds * fps) / paths.length));
    files.push(...(await animate(model, latentRing(shape.round, perPhoto), join(out, "morph"), options)));
  }
  const cells = new Float32Array(originals.length + images.length);
  cells.set(originals);
  cells.set(images, originals.length);
  const grid = join(out, "grid.png");
  await writePng(grid, composeAt(cells, [...shape.photos, ...shape.cells], { resolution }));
  return { files: [...files, grid], grid };
}

/** What a morph of so many photos looks like. */
interface Shape {
  readonly latents: Float32Array;
  /** Of the steps' files. */
  readonly names: readonly string[];
  readonly cells: readonly Place[];
  readonly photos: readonly Place[];
  /** The corners in the order in which an animation visits them. */
  readonly round: readonly Float32Array[];
}

type Corner = Float32Array;

function layOut(corners: readonly Corner[], steps: number): Shape {
  if (corners.length === 2) return strip(corners as [Corner, Corner], steps);
  return corners.length === 4 ? square(corners as [Corner, Corner, Corner, Corner], steps) : hexagon(corners, steps);
}

/** The photos above the ends. */
function strip([a, b]: readonly [Corner, Corner], steps: number): Shape {
  const places = [...Array(steps).keys()].map((column) => ({ row: 1, column }));
  return {
    latents: latentStrip(a, b, steps),
    names: places.map(({ column }) => `step-${number(column)}`),
    cells: places,
    photos: [0, steps - 1].map((column) => ({ row: 0, column })),
    round: [a, b],
  };
}

/** The photos on a row above. */
function square(corners: readonly [Corner, Corner, Corner, Corner], steps: number): Shape {
  const places = rowsOf(Array(steps).fill(steps));
  const [topLeft, topRight, bottomLeft, bottomRight] = corners;
  return {
    latents: latentGrid(corners, steps),
    names: places.map(({ row, column }) => `cell-${number(row)}-${number(column)}`),
    cells: places.map(({ row, column }) => ({ row: row + 1, column })),
    photos: corners.map((_, column) => ({ row: 0, column })),
    round: [topLeft, topRight, bottomRight, bottomLeft],
  };
}

/** The photos outside their corners, half a cell away. */
function hexagon(corners: readonly Corner[], steps: number): Shape {
  const rows = hexagonRows(steps);
  const places = rowsOf(rows);
  // Rows are centred; the longest begins one and a half cells from the left, after its photo.
  const left = (row: number) => 1.5 + (2 * steps - 1 - (rows[row] ?? 0)) / 2;
  const before = (row: number) => ({ row, column: left(row) - 1.5 });
  const after = (row: number) => ({ row, column: left(row) + (rows[row] ?? 0) + 0.5 });
  const [top, middle, bottom] = [0, steps - 1, 2 * steps - 2];
  return {
    latents: latentHexagon(corners, steps),
    names: places.map(({ row, column }) => `cell-${number(row)}-${number(column)}`),
    cells: places.map(({ row, column }) => ({ row, column: left(row) + column })),
    photos: [before(top), after(top), after(middle), after(bottom), before(bottom), before(middle)],
    round: corners,
  };
}

const rowsOf = (lengths: readonly number[]): Place[] =>
  lengths.flatMap((length, row) => [...Array(length).keys()].map((column) => ({ row, column })));

/** Counted from 1. */
const number = (index: number) => String(index + 1).padStart(2, "0");
