/** Interleaved 8-bit RGB, row by row from the top. */
export interface RgbImage {
  /** [height * width * 3] */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface CellOptions {
  /** Width and height of each image. */
  readonly resolution: number;
  /** Images smaller than this are enlarged by a whole factor, each pixel becoming a square; default 64 pixels. */
  readonly minCell?: number;
  /** White pixels between cells, none around them; default 2. */
  readonly gap?: number;
}

export interface GridOptions extends CellOptions {
  /** Cells per row; the last row may have fewer. */
  readonly columns: number;
}

/** Where a cell stands, from the top left; halves are halfway between two places. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

/** Value of a white pixel in an image of a model; cells filled with it look empty. */
export const white = 1;

/**
 * Images side by side, row after row, on white.
 * @param images [n, 3, r, r] in [-1, 1]; values outside are clamped, -1 is 0 and 1 is 255
 * @throws RangeError if the values are not a whole number of images
 */
export function composeGrid(images: Float32Array, { columns, ...options }: GridOptions): RgbImage {
  const { resolution } = options;
  const count = images.length / (3 * resolution * resolution);
  if (!Number.isInteger(count) || count === 0 || !(columns >= 1)) {
    throw new RangeError(
      `composeGrid: expected images of 3 x ${resolution} x ${resolution} values and at least 1 column, ` +
        `got ${images.length} values and ${columns} columns`,
    );
  }
  const place = (_: unknown, i: number): Place => ({ row: Math.floor(i / columns), column: i % columns });
  return composeAt(images, Array.from({ length: count }, place), options);
}

/**
 * Images where they are told to stand, on white.
 * @param images [places.length, 3, r, r] in [-1, 1]; values outside are clamped, -1 is 0 and 1 is 255
 */
export function composeAt(images: Float32Array, places: readonly Place[], options: CellOptions): RgbImage {
  const { resolution, minCell = 64, gap = 2 } = options;
  const scale = Math.max(1, Math.ceil(minCell / resolution));
  const cell = resolution * scale;
  const corners = places.map(({ row, column }) => ({
    left: Math.round(column * (cell + gap)),
    top: Math.round(row * (cell + gap)),
  }));
  const width = Math.max(...corners.map(({ left }) => left)) + cell;
  const height = Math.max(...corners.map(({ top }) => top)) + cell;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (const [index, { left, top }] of corners.entries()) {
    for (let y = 0; y < cell; y++) {
      const from = index * 3 * resolution * resolution + Math.floor(y / scale) * resolution;
      let to = ((top + y) * width + left) * 3;
      for (let x = 0; x < cell; x++) {
        for (let channel = 0; channel < 3; channel++) {
          pixels[to++] = toByte(images[from + channel * resolution * resolution + Math.floor(x / scale)] as number);
        }
      }
    }
  }
  return { pixels, width, height };
}

/** -1 is 0, 1 is 255, rounded to the nearest and clamped; not a number is 0. */
export function toByte(value: number): number {
  return Math.min(255, Math.max(0, Math.floor((value + 1) * 127.5 + 0.5)));
}
