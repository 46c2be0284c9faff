import { captioned, type Heading, headed, headingHeight } from "./lettering.ts";
import { type RgbImage, whiteImage } from "./rgb-image.ts";

export interface CellOptions {
  /** Width and height of each image. */
  readonly resolution: number;
  /** Whole factor by which images are enlarged, each pixel becoming a square; default `scaleFor(resolution)`. */
  readonly scale?: number | undefined;
  /** A line under the grid, broken where the grid is narrower. */
  readonly caption?: string | undefined;
}

export interface GridOptions extends CellOptions {
  /** Cells per row; the last row may have fewer. */
  readonly columns: number;
  /**
   * Cells of a row that belong together, as [2] for pairs or [1, 7] for a photo and seven edits, again and again along the row:
   * they touch, and an eighth of a cell is left white between them and the next. Default: each for itself, 2 pixels apart.
   */
  readonly groups?: readonly number[] | undefined;
  /** Above the columns, one for each cell of `groups`, again and again along the row. */
  readonly headings?: readonly Heading[] | undefined;
}

/** Where a cell stands, from the top left; halves are halfway between two places. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

export interface PlaceOptions extends CellOptions {
  /** Above the picture, over a column each. */
  readonly headings?: readonly (Heading & { readonly column: number })[] | undefined;
}

/** A face that is smaller cannot be judged by eye. */
const minCell = 64;

/** White pixels between cells that stand for themselves. */
const narrowGap = 2;

/** The whole factor that makes images at least 64 pixels wide, or as wide as is said. */
export const scaleFor = (resolution: number, width = minCell): number => Math.max(1, Math.ceil(width / resolution));

/** Groups of headed cells, as many to a row as look well. @param count of the groups */
export const inGroups = (count: number, groups: readonly number[], headings: readonly Heading[]) => ({
  groups,
  headings,
  columns: groupsPerRow(count, headings.length) * headings.length,
});

/** So many groups to a row that a picture of them is about half as wide again as high. @param cells of a group */
export const groupsPerRow = (count: number, cells: number): number =>
  Math.max(1, Math.min(count, Math.round(Math.sqrt((1.5 * count) / cells))));

/**
 * Images side by side, row after row, on white.
 * @param images [n, 3, r, r] in [-1, 1]; values outside are clamped, -1 is 0 and 1 is 255
 * @throws RangeError if the values are not a whole number of images
 */
export function composeGrid(
  images: Float32Array,
  { columns, groups, headings = [], ...options }: GridOptions,
): RgbImage {
  const { resolution, scale = scaleFor(resolution) } = options;
  const count = images.length / (3 * resolution * resolution);
  if (!Number.isInteger(count) || count === 0 || !(columns >= 1)) {
    throw new RangeError(
      `composeGrid: expected images of 3 x ${resolution} x ${resolution} values and at least 1 column, ` +
        `got ${images.length} values and ${columns} columns`,
    );
  }
  const cell = resolution * scale;
  const gap = groups ? Math.ceil(cell / 8) : narrowGap;
  const lefts = columnsOf(columns, groups ?? [1], cell, gap);
  const corner = (_: unknown, i: number) => ({
    left: lefts[i % columns] as number,
    top: Math.floor(i / columns) * (cell + gap),
  });
  const over =
    headings.length === 0
      ? []
      : lefts.slice(0, count).map((left, i) => ({ left, ...(headings[i % headings.length] as Heading) }));
  const { caption } = options;
  return compose(images, Array.from({ length: count }, corner), { resolution, scale, over, caption });
}

/** Left edges of the cells of a row. */
function columnsOf(columns: number, groups: readonly number[], cell: number, gap: number): number[] {
  const lefts: number[] = [];
  for (let left = 0, group = 0; lefts.length < columns; group++, left += gap) {
    for (let i = 0; i < (groups[group % groups.length] as number); i++, left += cell) lefts.push(left);
  }
  return lefts;
}

/**
 * Images where they are told to stand, 2 pixels apart, on white.
 * @param images [places.length, 3, r, r] in [-1, 1]; values outside are clamped, -1 is 0 and 1 is 255
 */
export function composeAt(images: Float32Array, places: readonly Place[], options: PlaceOptions): RgbImage {
  const { resolution, scale = scaleFor(resolution), headings = [], caption } = options;
  const pitch = resolution * scale + narrowGap;
  const corners = places.map(({ row, column }) => ({
    left: Math.round(column * pitch),
    top: Math.round(row * pitch),
  }));
  const over = headings.map(({ column, ...heading }) => ({ ...heading, left: Math.round(column * pitch) }));
  return compose(images, corners, { resolution, scale, over, caption });
}

interface Composition {
  readonly resolution: number;
  readonly scale: number;
  readonly over: readonly (Heading & { readonly left: number })[];
  readonly caption: string | undefined;
}

/** @param corners of the images, in pixels, below the headings */
function compose(
  images: Float32Array,
  corners: readonly { readonly left: number; readonly top: number }[],
  { resolution, scale, over, caption }: Composition,
): RgbImage {
  const cell = resolution * scale;
  const above = over.length > 0 ? headingHeight(cell) : 0;
  const width = Math.max(...corners.map(({ left }) => left)) + cell;
  const height = above + Math.max(...corners.map(({ top }) => top)) + cell;
  const image = whiteImage(width, height);
  for (const [index, { left, top }] of corners.entries()) {
    const planes = images.subarray(index * 3 * resolution ** 2, (index + 1) * 3 * resolution ** 2);
    putImage(image, planes, { left, top: above + top, resolution, scale });
  }
  headed(image, over, cell);
  return caption === undefined ? image : captioned(image, caption, cell);
}

/** @param planes [3, r, r] in [-1, 1] */
function putImage(
  { pixels, width }: RgbImage,
  planes: Float32Array,
  { left, top, resolution, scale }: { left: number; top: number; resolution: number; scale: number },
): void {
  const area = resolution * resolution;
  for (let y = 0; y < resolution * scale; y++) {
    const from = Math.floor(y / scale) * resolution;
    let to = ((top + y) * width + left) * 3;
    for (let x = 0; x < resolution * scale; x++) {
      for (let channel = 0; channel < 3; channel++) {
        pixels[to++] = toByte(planes[from + channel * area + Math.floor(x / scale)] as number);
      }
    }
  }
}

/** What a file of the picture holds in the place of a value: one of 256 in [-1, 1]. */
export const asByte = (value: number): number => toByte(value) / 127.5 - 1;

/** -1 is 0, 1 is 255, rounded to the nearest and clamped; not a number is 0. */
export function toByte(value: number): number {
  return Math.min(255, Math.max(0, Math.floor((value + 1) * 127.5 + 0.5)));
}
