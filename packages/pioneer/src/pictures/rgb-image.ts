/** Interleaved 8-bit RGB, row by row from the top. */
export interface RgbImage {
  /** [height * width * 3] */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export const whiteImage = (width: number, height: number): RgbImage => ({
  pixels: new Uint8Array(width * height * 3).fill(255),
  width,
  height,
});
