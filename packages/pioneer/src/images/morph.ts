import { join } from "node:path";
import { hexagonRows, latentGrid, latentHexagon, latentRing, latentRow, latentStrip } from "pioneer-runtime";
import { joined, type Model } from "pioneer-runtime/internal";
import { DataError } from "../base/errors.ts";
import { composeAt } from "../pictures/grid.ts";
import {
  hexagonPlaces,
  type MorphPlaces,
  pathPlaces,
  squarePlaces,
  stripPlaces,
  withoutPhotos,
} from "../pictures/morph-places.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { type AnimationOptions, animate, isAnimated } from "./animation.ts";
import { decodeAll, imageSize } from "./batches.ts";
import type { PictureOptions } from "./pictures.ts";
import type { Subjects } from "./subjects.ts";

export interface MorphOptions extends PictureOptions, Partial<AnimationOptions> {
  /** Folder for the pictures. */
  readonly out: string;
  /** Images from one photo to the next, both ends included, at least 2. */
  readonly steps: number;
}

/**
 * Interpolates between latents on the sphere: two make a strip, four a square (corners top-left, top-right, bottom-left,
 * bottom-right), six a hexagon (corners clockwise from the top left), any other number a path, from each to the next in a row of
 * its own. Writes each step, grid.png, with the photos beside their corners where there are some, and on request morph.gif and
 * morph.mp4, the way round and back to the first.
 * @param subjects two or more
 * @returns the files, the grid last
 * @throws DataError for fewer than two, or naming the file that cannot be written
 */
export async function writeMorph(
  model: Model,
  { names, latents, photos }: Subjects,
  options: MorphOptions,
): Promise<{ files: string[]; grid: string }> {
  const { steps, out, scale, caption } = options;
  const { resolution, latent } = model;
  const size = imageSize(model);
  if (names.length < 2) throw new DataError(`${names[0]} is the only photo that can be read, and a morph takes two`);
  const shape = layOut(
    names.map((_, i) => latentRow(latents, latent, i)),
    steps,
  );
  const images = await decodeAll(model, shape.latents);

  const files: string[] = [];
  for (const [i, name] of shape.names.entries()) {
    const file = join(out, `${name}.png`);
    await writeImage(file, images.subarray(i * size, (i + 1) * size), resolution, scale);
    files.push(file);
  }
  if (isAnimated(options)) {
    const { fps, seconds = 2 * names.length } = options;
    const perPhoto = Math.max(1, Math.round((seconds * fps) / names.length));
    files.push(...(await animate(model, latentRing(shape.round, perPhoto), join(out, "morph"), options)));
  }
  const grid = join(out, "grid.png");
  const places = photos ? [...shape.photos, ...shape.cells] : withoutPhotos(shape.cells);
  const headings = photos ? shape.headings : [];
  const shown = photos ? joined(Float32Array, [photos, images]) : images;
  await writePng(grid, composeAt(shown, places, { resolution, scale, caption, headings }));
  return { files: [...files, grid], grid };
}

/** What a morph of so many photos looks like. */
interface Shape extends MorphPlaces {
  readonly latents: Float32Array;
  /** Of the steps' files. */
  readonly names: readonly string[];
  /** The corners in the order in which an animation visits them. */
  readonly round: readonly Float32Array[];
}

type Corner = Float32Array;

function layOut(corners: readonly Corner[], steps: number): Shape {
  if (corners.length === 2) return strip(corners as [Corner, Corner], steps);
  if (corners.length === 4) return square(corners as [Corner, Corner, Corner, Corner], steps);
  return corners.length === 6 ? hexagon(corners, steps) : path(corners, steps);
}

function strip([a, b]: readonly [Corner, Corner], steps: number): Shape {
  const names = Array.from({ length: steps }, (_, i) => `step-${number(i)}`);
  return { ...stripPlaces(steps), latents: latentStrip(a, b, steps), names, round: [a, b] };
}

function square(corners: readonly [Corner, Corner, Corner, Corner], steps: number): Shape {
  const [topLeft, topRight, bottomLeft, bottomRight] = corners;
  const round = [topLeft, topRight, bottomRight, bottomLeft];
  return { ...squarePlaces(steps), latents: latentGrid(corners, steps), names: names(Array(steps).fill(steps)), round };
}

function hexagon(corners: readonly Corner[], steps: number): Shape {
  const latents = latentHexagon(corners, steps);
  return { ...hexagonPlaces(steps), latents, names: names(hexagonRows(steps)), round: corners };
}

function path(corners: readonly Corner[], steps: number): Shape {
  const legs = corners.slice(1).map((next, i) => latentStrip(corners[i] as Corner, next, steps));
  return {
    ...pathPlaces(corners.length, steps),
    latents: joined(Float32Array, legs),
    names: names(Array(legs.length).fill(steps)),
    round: corners,
  };
}

/** Of cells in rows of these lengths. */
const names = (lengths: readonly number[]): string[] =>
  lengths.flatMap((length, row) => Array.from({ length }, (_, i) => `cell-${number(row)}-${number(i)}`));

/** Counted from 1. */
const number = (index: number) => String(index + 1).padStart(2, "0");
