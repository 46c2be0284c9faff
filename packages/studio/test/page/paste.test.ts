import type { RgbPixels } from "pioneer-runtime";
import { describe, expect, test } from "vitest";
import { pasteBack } from "../../src/page/image/paste.ts";
import { similarityOf } from "../../src/page/image/placement.ts";

const [width, height, side] = [60, 40, 8];
/** Red rises to the right, green downwards, blue is 100. */
const photo: RgbPixels = {
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / 3), i % 3];
    return channel === 0 ? 4 * (pixel % width) : channel === 1 ? 4 * Math.floor(pixel / width) : 100;
  }),
  width,
  height,
};
const placement = { x: 30, y: 20, side: 20, angle: 0 };
const similarity = similarityOf(placement);
const plain = (value: number) => new Float32Array(3 * side * side).fill(value);
const whole = new Float32Array(side * side).fill(1);
const at = (pixels: ArrayLike<number>, x: number, y: number) =>
  Array.from({ length: 3 }, (_, channel) => pixels[3 * (y * width + x) + channel]);

describe("pasting back", () => {
  test("the middle is the edited square, all outside of it the photo's bytes", () => {
    const pasted = pasteBack(photo, { edited: plain(1), share: whole, side, similarity, colour: "rgb" });
    expect(at(pasted, 30, 20)).toEqual([255, 255, 255]);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (x < 20 || x >= 40 || y < 10 || y >= 30) expect(at(pasted, x, y)).toEqual(at(photo.data, x, y));
      }
    }
    // At the border it fades: neither the photo nor the square.
    const [red] = at(pasted, 21, 20) as [number];
    expect(red).toBeGreaterThan(4 * 21);
    expect(red).toBeLessThan(255);
  });

  test("where the edited image has no share the photo's bytes stay", () => {
    const share = new Float32Array(side * side);
    const pasted = pasteBack(photo, { edited: plain(1), share, side, similarity, colour: "rgb" });
    expect([...pasted]).toEqual([...photo.data]);
  });

  test("it is turned and placed as the square was cut out", () => {
    // The square's left half is black, its right half white; turned by 90°, right is down.
    const edited = plain(-1).map((value, i) => (i % side < side / 2 ? value : 1));
    const turned = similarityOf({ ...placement, angle: Math.PI / 2 });
    const pasted = pasteBack(photo, { edited, share: whole, side, similarity: turned, colour: "rgb" });
    expect(at(pasted, 30, 14)).toEqual([0, 0, 0]);
    expect(at(pasted, 30, 25)).toEqual([255, 255, 255]);
  });

  test("a grey model changes the lightness and leaves the colour", () => {
    const pasted = pasteBack(photo, { edited: plain(0), share: whole, side, similarity, colour: "grey" });
    const [before, after] = [at(photo.data, 30, 20), at(pasted, 30, 20)] as [number[], number[]];
    const grey = ([r = 0, g = 0, b = 0]: number[]) => 0.299 * r + 0.587 * g + 0.114 * b;
    // 0 is 127.5; each channel is rounded to a whole number.
    expect(Math.abs(grey(after) - 127.5)).toBeLessThanOrEqual(0.5);
    const steps = after.map((value, i) => value - (before[i] as number));
    expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(1);
  });
});
