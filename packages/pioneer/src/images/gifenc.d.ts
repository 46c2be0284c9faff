// What we use of gifenc 1.0.3, which comes without types.
declare module "gifenc" {
  type Rgb = [red: number, green: number, blue: number];

  export function GIFEncoder(): {
    /**
     * @param index [width * height], places in the palette; the first frame's palette is the file's
     * @param options delay in milliseconds, rounded to hundredths of a second
     */
    writeFrame(
      index: Uint8Array,
      width: number,
      height: number,
      options: { palette?: readonly Rgb[]; delay: number },
    ): void;
    finish(): void;
    bytes(): Uint8Array;
  };

  /** @param rgba [pixels * 4], of a buffer of its own @returns at most `colours` */
  export function quantize(rgba: Uint8Array, colours: number): Rgb[];

  /** @returns [pixels], places in the palette; colours are told apart by 5 or 6 bits a channel */
  export function applyPalette(rgba: Uint8Array, palette: readonly Rgb[]): Uint8Array;
}
