import sharp from "sharp";
import type { Effects } from "./measure.ts";

const cell = 44;
const margin = 120;

/** A square for each number, red above 0, blue below, white at 0, full at ±1; rows are edits, columns what is read. */
export async function heatMapPng(names: readonly string[], effects: Effects, title: string): Promise<Buffer> {
  const side = names.length * cell;
  const text = (x: number, y: number, content: string, more = "") =>
    `<text x="${x}" y="${y}" font-family="DejaVu Sans, sans-serif" font-size="13" ${more}>${content}</text>`;
  const squares = effects.flatMap((row, i) =>
    row.map((value, j) => {
      const [x, y] = [margin + j * cell, margin + i * cell];
      const colour = colourOf(value);
      const ink = Math.abs(value) > 0.6 ? "white" : "black";
      return (
        `<rect x="${x}" y="${y}" width="${cell - 1}" height="${cell - 1}" fill="${colour}"/>` +
        text(
          x + cell / 2,
          y + cell / 2 + 5,
          value.toFixed(2).replace("-0.00", "0.00"),
          `text-anchor="middle" fill="${ink}"`,
        )
      );
    }),
  );
  const labels = names.flatMap((name, i) => {
    const at = margin + i * cell + cell / 2;
    return [
      text(margin - 8, at + 5, name, 'text-anchor="end"'),
      text(0, 0, name, `transform="translate(${at + 5} ${margin - 8}) rotate(-60)"`),
    ];
  });
  const [width, height] = [margin + side + 50, margin + side + 8];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="white"/>${text(8, 18, title)}${squares.join("")}${labels.join("")}</svg>`;
  return sharp(Buffer.from(svg)).png({ palette: true }).toBuffer();
}

function colourOf(value: number): string {
  const share = Math.min(1, Math.abs(value));
  const [r, g, b] = value > 0 ? [178, 24, 43] : [33, 102, 172];
  const mix = (channel: number) => Math.round(255 + (channel - 255) * share);
  return `rgb(${mix(r)},${mix(g)},${mix(b)})`;
}
