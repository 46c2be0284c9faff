/** Interleaved 8-bit RGB, row by row from the top. */
export interface RgbImage {
  /** [height * width * 3] */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface GridOptions {
  /** Width and height of each image. */
  readonly resolution: number;
  /** Cells per row; the last row may have fewer. */
  readonly columns: number;
  /** Images smaller than this are enlarged by a whole factor, each pixel becoming a square; default 64 pixels. */
  readonly minCell?: number;
  /** White pixels between cells, none around them; default 2. */
  readonly gap?: number;
}

/** Value of a white pixel in an image of a model; cells filled with it look empty. */
export const white = 1;

/**
 * Images side by side, row after row, on white.
 * @param images [n, 3, r, r] in [-1, 1]; values outside are clamped, -1 is 0 and 1 is 255
 * @throws RangeError if the values are not a whole number of images
 */
export function composeGrid(images: Float32Array, options: GridOptions): RgbImage {
  const { resolution, columns, minCell = 64, gap = 2 } = options;
  const count = images.length / (3 * resolution * resolution);
  if (!Number.isInteger(count) || count === 0 || !(columns >= 1)) {
    throw new RangeError(
      `composeGrid: expected images of 3 x ${resolution} x ${resolution} values and at least 1 column, ` +
        `got ${images.length} values and ${columns} columns`,
    );
  }
  const scale = Math.max(1, Math.ceil(minCell / resolution));
  const cell = resolution * scale;
  const [used, rows] = [Math.min(columns, count), Math.ceil(count / columns)];
  const width = used * cell + (used - 1) * gap;
  const height = rows * cell + (rows - 1) * gap;
  const pixels = new Uint8Array(width * height * 3).fill(255);
  for (let index = 0; index < count; index++) {
    const left = (index % columns) * (cell + gap);
    const top = Math.floor(index / columns) * (cell + gap);
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
