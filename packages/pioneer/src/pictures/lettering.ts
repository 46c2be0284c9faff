import { type RgbImage, whiteImage } from "./rgb-image.ts";
import { drawText, fillBox, textHeight, textWidth, wrapText } from "./text.ts";

/** Words over a column of a grid. */
export interface Heading {
  readonly text: string;
  /** White on black: the column that the others are to be compared with. */
  readonly mark?: boolean | undefined;
}

const [black, grey, white] = [0, 96, 255];

/** Lines of a caption at most. */
const mostLines = 4;

/** Pixels to a dot of headings, by the width of a cell: one at 64, so that "photo" and "reconstruction" fit over a pair. */
const headingScale = (cell: number): number => Math.max(1, Math.floor(cell / 64));

/** Pixels of the row of headings, with the white around it. */
export const headingHeight = (cell: number): number => textHeight(headingScale(cell)) + 2 * marginOf(cell);

const marginOf = (cell: number): number => 3 * headingScale(cell);

/**
 * Writes headings at the top of an image, each centred over its column. Where one is wider than its column, as
 * "reconstruction" is, those of columns that touch share their width: the first begins at the left, the last ends at the right.
 */
export function headed(
  image: RgbImage,
  headings: readonly (Heading & { readonly left: number })[],
  cell: number,
): void {
  const scale = headingScale(cell);
  const wide = headings.some(({ text }) => textWidth(text, scale) > cell);
  const lefts = new Set(headings.map(({ left }) => left));
  for (const { text, left, mark = false } of headings) {
    const room = cell - textWidth(text, scale);
    const [joinsLeft, joinsRight] = [lefts.has(left - cell), lefts.has(left + cell)];
    const share = !wide || joinsLeft === joinsRight ? 0.5 : joinsLeft ? 1 : 0;
    const at = { left: left + Math.round(share * room), top: marginOf(cell), scale };
    if (mark) fillBox(image, { left, top: scale, width: cell, height: headingHeight(cell) - 2 * scale }, black);
    drawText(image, text, { ...at, ink: mark ? white : black });
  }
}

/** The image with a small text below it, in as many lines as its width asks for. */
export function captioned(image: RgbImage, caption: string, cell: number): RgbImage {
  const scale = Math.max(1, Math.floor(cell / 128));
  const lines = wrapText(caption, image.width, scale, mostLines);
  const pitch = textHeight(scale) + 3 * scale;
  const whole = whiteImage(image.width, image.height + 2 * scale + lines.length * pitch);
  whole.pixels.set(image.pixels);
  for (const [i, line] of lines.entries()) {
    drawText(whole, line, { left: 0, top: image.height + 3 * scale + i * pitch, scale, ink: grey });
  }
  return whole;
}
