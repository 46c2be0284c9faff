import { glyphHeight, glyphOf, glyphWidth } from "./font.ts";
import type { RgbImage } from "./rgb-image.ts";

/** Where text stands and how it looks. */
export interface TextOptions {
  readonly left: number;
  readonly top: number;
  /** Pixels to a dot of the font. */
  readonly scale: number;
  /** Grey level of the ink, 0..255. */
  readonly ink: number;
}

/** From a character to the next. */
const advance = glyphWidth + 1;

/** Pixels from the first dot of a line to its last. */
export const textWidth = (text: string, scale: number): number =>
  Math.max(0, Array.from(text).length * advance - 1) * scale;

/** Pixels of a line from top to bottom. */
export const textHeight = (scale: number): number => glyphHeight * scale;

/** Draws a line of text into an image; what does not fit in is cut off. */
export function drawText(image: RgbImage, text: string, { left, top, scale, ink }: TextOptions): void {
  for (const [i, character] of Array.from(text).entries()) {
    for (const [y, row] of glyphOf(character).entries()) {
      for (const [x, dot] of Array.from(row).entries()) {
        if (dot !== "#") continue;
        const at = { left: left + (i * advance + x) * scale, top: top + y * scale };
        fillBox(image, { ...at, width: scale, height: scale }, ink);
      }
    }
  }
}

/** Fills what of a box lies in an image with a grey. */
export function fillBox(
  { pixels, width, height }: RgbImage,
  box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
  grey: number,
): void {
  const [from, to] = [Math.max(0, box.left), Math.min(width, box.left + box.width)];
  for (let y = Math.max(0, box.top); y < Math.min(height, box.top + box.height); y++) {
    if (to > from) pixels.fill(grey, (y * width + from) * 3, (y * width + to) * 3);
  }
}

/**
 * Text in lines that are no wider than `width` pixels, broken at spaces where there are any.
 * @param most lines; where there would be more, the last ends in "..."
 */
export function wrapText(text: string, width: number, scale: number, most: number): string[] {
  const room = Math.max(4, Math.floor((width / scale + 1) / advance));
  const lines: string[] = [];
  let rest = Array.from(text.trim());
  while (rest.length > room && lines.length < most - 1) {
    const space = rest.lastIndexOf(" ", room);
    const end = space > 0 ? space : room;
    lines.push(rest.slice(0, end).join(""));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  lines.push(rest.length > room ? `${rest.slice(0, room - 3).join("")}...` : rest.join(""));
  return lines;
}
