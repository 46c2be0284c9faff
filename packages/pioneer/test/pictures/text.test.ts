import { describe, expect, test } from "vitest";
import { glyphHeight, glyphOf, glyphWidth } from "../../src/pictures/font.ts";
import { whiteImage } from "../../src/pictures/rgb-image.ts";
import { drawText, textWidth, wrapText } from "../../src/pictures/text.ts";

describe("the font", () => {
  const printable = Array.from({ length: 95 }, (_, i) => String.fromCodePoint(32 + i));

  test("has every printable character, each another, in its box", () => {
    const shapes = printable.map((character) =>
      glyphOf(character)
        .join("\n")
        .replaceAll(/[^#]+$/g, ""),
    );
    expect(new Set(shapes).size).toBe(95);
    expect(shapes.filter((shape) => !shape.includes("#"))).toEqual([shapes[0]]);
    for (const character of printable) {
      const rows = glyphOf(character);
      expect(rows.length).toBeLessThanOrEqual(glyphHeight);
      for (const row of rows) expect(row).toMatch(/^[.#]{5}$/);
    }
  });

  test("any other character is one empty frame", () => {
    expect(glyphOf("é")).toEqual(glyphOf("人"));
    expect(printable.map(glyphOf)).not.toContainEqual(glyphOf("é"));
  });
});

test("text is drawn dot by dot where it is told to, and what is outside is left out", () => {
  const image = whiteImage(20, 20);
  drawText(image, "||", { left: 3, top: 1, scale: 2, ink: 7 });
  const dark = [...image.pixels.entries()].filter(([i, value]) => i % 3 === 0 && value === 7).map(([i]) => i / 3);
  // The bar is the third of five columns and seven dots high; the second begins 12 pixels later, at 19: half of it fits.
  expect(new Set(dark.map((at) => at % 20))).toEqual(new Set([7, 8, 19]));
  expect(new Set(dark.map((at) => Math.floor(at / 20)))).toEqual(new Set(Array.from({ length: 14 }, (_, y) => 1 + y)));
  expect(textWidth("||", 2)).toBe(2 * (2 * glyphWidth + 1));
});

test("lines break at spaces, or in a word that is longer than a line; the last says that there is more", () => {
  const width = textWidth("0123456789", 1);
  expect(wrapText("one two three", width, 1, 3)).toEqual(["one two", "three"]);
  expect(wrapText("0123456789abc de", width, 1, 3)).toEqual(["0123456789", "abc de"]);
  expect(wrapText("0123456789 abcdefghij", width, 1, 3)).toEqual(["0123456789", "abcdefghij"]);
  expect(wrapText("one two three four five", width, 1, 2)).toEqual(["one two", "three f..."]);
});
