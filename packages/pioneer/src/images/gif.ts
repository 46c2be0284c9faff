import { createRequire } from "node:module";
import { writeWhole } from "../base/write.ts";
import { markGif } from "../pictures/mark.ts";
import type { FrameShape, FrameSink } from "./frame-sink.ts";

// A CommonJS package whose names Node's import does not see.
const { GIFEncoder, quantize } = createRequire(import.meta.url)("gifenc") as typeof import("gifenc");

type Palette = ReturnType<typeof quantize>;

/** All levels of grey: a grey picture is exact. */
const greys: Palette = Array.from({ length: 256 }, (_, level) => [level, level, level]);

/**
 * A GIF that repeats for ever. Each frame of a colour model has a palette of its own, the colours of its pixels where these are
 * 256 or fewer; grey frames share one of all greys, and are exact. The file is written when it is finished.
 * @param fps 1 to 50; delays are hundredths of a second, rounded so that the whole keeps time
 */
export function openGif(path: string, { side, scale, fps, colour }: FrameShape): FrameSink {
  const encoder = GIFEncoder();
  const width = side * scale;
  let frames = 0;
  return {
    path,
    async write(pixels) {
      const isFirst = frames === 0;
      const palette = colour === "grey" ? greys : paletteOf(pixels);
      const index = enlarge(
        colour === "grey" ? pixels.filter((_, i) => i % 3 === 0) : nearest(pixels, palette),
        side,
        scale,
      );
      const end = (count: number) => Math.round((100 * count) / fps);
      const delay = 10 * (end(frames + 1) - end(frames));
      encoder.writeFrame(index, width, width, { delay, ...(isFirst || colour === "rgb" ? { palette } : {}) });
      frames++;
    },
    async finish() {
      encoder.finish();
      await writeWhole(path, markGif(encoder.bytes()));
    },
    async discard() {},
  };
}

/** At most 256 colours. */
function paletteOf(pixels: Uint8Array): Palette {
  const colours = new Set<number>();
  for (let i = 0; i < pixels.length; i += 3) colours.add(packed(pixels, i));
  if (colours.size <= 256) return [...colours].map((value) => [value >> 16, (value >> 8) & 255, value & 255]);
  const rgba = new Uint8Array((pixels.length / 3) * 4).fill(255);
  for (let i = 0; i < pixels.length / 3; i++) rgba.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
  return quantize(rgba, 256);
}

const packed = (pixels: Uint8Array, at: number) =>
  ((pixels[at] as number) << 16) | ((pixels[at + 1] as number) << 8) | (pixels[at + 2] as number);

/** The place of the nearest colour for each pixel. gifenc's own search first rounds a colour to 5 or 6 bits a channel. */
function nearest(pixels: Uint8Array, palette: Palette): Uint8Array {
  const known = new Map<number, number>();
  const find = (red: number, green: number, blue: number) => {
    let [best, least] = [0, Infinity];
    for (const [place, [r, g, b]] of palette.entries()) {
      const distance = (r - red) ** 2 + (g - green) ** 2 + (b - blue) ** 2;
      if (distance < least) [best, least] = [place, distance];
    }
    return best;
  };
  return Uint8Array.from({ length: pixels.length / 3 }, (_, i) => {
    const colour = packed(pixels, 3 * i);
    const place = known.get(colour) ?? find(colour >> 16, (colour >> 8) & 255, colour & 255);
    known.set(colour, place);
    return place;
  });
}

/** Each value as a square of `scale` by `scale`. */
function enlarge(values: Uint8Array, side: number, scale: number): Uint8Array {
  if (scale === 1) return values;
  const width = side * scale;
  const large = new Uint8Array(width * width);
  for (let y = 0; y < width; y++) {
    const row = Math.floor(y / scale) * side;
    for (let x = 0; x < width; x++) large[y * width + x] = values[row + Math.floor(x / scale)] as number;
  }
  return large;
}
