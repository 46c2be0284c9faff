import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, onTestFinished, test } from "vitest";
import { regionOfSquare, squareOfRegion } from "../src/aligned-square.ts";
import { alignedSquare, type FacePoints, faceProblem, faceSimilarity, Pioneer, shareBeyond } from "../src/index.ts";
import { decodePhoto } from "../src/node/photo.ts";
import { toSquare } from "../src/resize.ts";
import { Rng } from "../src/rng.ts";
import { dotsOf, facePhoto, farthest, placed } from "./support/face-photo.ts";
import { changedModel, fixture, worst } from "./support/fixtures.ts";

const template: FacePoints = { eyeLeft: [0.32, 0.39], eyeRight: [0.68, 0.39], mouth: [0.5, 0.78] };
const names = ["eyeLeft", "eyeRight", "mouth"] as const;

/** Sum of squared distances between the points, moved, and the template's. */
function missed(points: FacePoints, { a, b, dx, dy }: ReturnType<typeof faceSimilarity>): number {
  return names.reduce((sum, name) => {
    const [x, y] = points[name];
    const [u, v] = template[name];
    return sum + (a * x - b * y + dx - u) ** 2 + (b * x + a * y + dy - v) ** 2;
  }, 0);
}

describe("faceSimilarity", () => {
  test("undoes what was done to a template: turned, scaled and moved", () => {
    for (const angle of [0, 0.3, -1.2, 2.9]) {
      const place = { side: 130, angle, x: 40, y: -7 };
      const similarity = faceSimilarity(placed(template, place), template);
      // A few roundings of numbers below 1.
      expect(Math.sqrt(missed(placed(template, place), similarity))).toBeLessThan(1e-13);
      expect(similarity.a).toBeCloseTo(Math.cos(angle) / 130, 14);
      expect(similarity.b).toBeCloseTo(-Math.sin(angle) / 130, 14);
    }
  });

  test("of another shape it is the nearest: every other one misses by more", () => {
    const points: FacePoints = { eyeLeft: [40, 52], eyeRight: [71, 44], mouth: [63, 98] };
    const best = faceSimilarity(points, template);
    const least = missed(points, best);
    expect(least).toBeGreaterThan(1e-4);
    for (const key of ["a", "b", "dx", "dy"] as const) {
      for (const change of [-1e-4, 1e-4])
        expect(missed(points, { ...best, [key]: best[key] + change })).toBeGreaterThan(least);
    }
  });
});

test("a face is three places in the photo, with the mouth below the eyes and left on the left", () => {
  const size = { width: 100, height: 90 };
  expect(faceProblem(placed(template, { side: 80, angle: 2, x: 90, y: 30 }))).toBeUndefined();
  const face: FacePoints = { eyeLeft: [30, 30], eyeRight: [60, 30], mouth: [45, 60] };
  expect(faceProblem(face, size)).toBeUndefined();
  for (const [change, problem] of [
    [{ mouth: [45, 90.1] }, "has its mouth at (45, 90.1), outside of its 100x90 pixels"],
    [{ eyeRight: [Number.NaN, 1] }, "has its right eye at (NaN, 1), which is no place [x, y]"],
    [
      { eyeLeft: [60, 30], eyeRight: [30, 30] },
      "has its left eye on the right: left and right are meant as seen in the picture",
    ],
    [{ mouth: [45, 32.9] }, "has its eyes and mouth on one line"],
    [{ eyeLeft: [60, 30] }, "has its eyes and mouth on one line"],
  ] as const) {
    expect(faceProblem({ ...face, ...change }, size)).toBe(problem);
  }
});

describe("alignedSquare", () => {
  // The dots are blurred and rounded alike on all sides; what moves a centroid is the rounding of some hundred pixels
  // to whole levels, and their edge.
  test.each([
    { side: 200, angle: 0.35, x: 120, y: 20 },
    { side: 260, angle: -0.6, x: 10, y: 150 },
    { side: 64, angle: 0, x: 100, y: 80 },
    { side: 40, angle: 0.2, x: 100, y: 80 },
    { side: 280, angle: 3, x: 350, y: 290 },
  ])("dots of a face with %o lie on the template, within a tenth of a pixel", (place) => {
    for (const resolution of [16, 32, 64]) {
      const points = placed(template, place);
      const photo = facePhoto(400, 300, points, place.side / 25);
      const square = alignedSquare(photo, faceSimilarity(points, template), resolution);
      expect(farthest(dotsOf(square, resolution), template, resolution)).toBeLessThan(0.1);
    }
  });

  test.each([0, 0.2, Math.PI / 4, 1.3])("a fine checkerboard, turned by %f and reduced, is grey", (angle) => {
    const side = 400;
    const data = new Uint8Array(3 * side * side).map((_, i) => {
      const pixel = Math.floor(i / 3);
      return ((pixel % side) + Math.floor(pixel / side)) % 2 === 0 ? 0 : 255;
    });
    for (const reduction of [2.5, 3.7, 4, 6.1]) {
      const points = placed(template, { side: 32 * reduction, angle, x: 160, y: 100 });
      const square = alignedSquare({ data, width: side, height: side }, faceSimilarity(points, template), 32);
      // A tent of r pixels on each side leaves sinc²(0.71 r) of a diagonal wave that lies along it, 1.4 % for 2.5; on the
      // pixels' lattice the pattern is four such waves: 7 of 127.5, and the rounding of the weights' sum.
      expect(
        worst(
          square,
          square.map(() => 127.5),
        ),
      ).toBeLessThanOrEqual(10);
    }
  });

  test("upright, it is what toSquare makes of the middle", () => {
    const rng = new Rng(1);
    for (const [side, resolution] of [
      [64, 32],
      [96, 32],
      [200, 16],
    ] as const) {
      const data = Uint8Array.from({ length: 3 * side * side }, () => 255 * rng.uniform());
      const photo = { data, width: side, height: side };
      const mine = alignedSquare(photo, { a: 1 / side, b: 0, dx: 0, dy: 0 }, resolution);
      const middle = toSquare(photo, { resolution, crop: "center", colour: "rgb" });
      // Sums in another order. At the edge toSquare takes the mean of what is there, and this repeats it.
      const inner = (pixels: Uint8Array) =>
        pixels.filter((_, i) => {
          const [x, y] = [Math.floor(i / 3) % resolution, Math.floor(i / 3 / resolution)];
          return Math.min(x, y) > 0 && Math.max(x, y) < resolution - 1;
        });
      expect(worst(inner(mine), inner(middle))).toBeLessThanOrEqual(1);
    }
  });

  test("beyond its edges the outermost pixels of the photo are repeated", () => {
    const side = 10;
    const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => 20 * (Math.floor(i / 3) % side));
    // One pixel for one, from 25 pixels left of the photo to 25 right of it.
    const similarity = { a: 1 / 60, b: 0, dx: 25 / 60, dy: 25 / 60 };
    const square = alignedSquare({ data, width: side, height: side }, similarity, 60);
    const row = Array.from({ length: 60 }, (_, x) => (square[3 * (60 * 7 + x)] as number) / 20);
    const there = Array.from({ length: side }, (_, x) => x);
    expect(row).toEqual([...Array<number>(25).fill(0), ...there, ...Array<number>(25).fill(side - 1)]);
  });

  test("how much of it lies beyond the photo is known", () => {
    const photo = { width: 100, height: 100 };
    // A square of 40 pixels, turned, whose upper left corner is at (x, y).
    const beyond = (x: number, y: number, angle = 0) =>
      shareBeyond(photo, faceSimilarity(placed(template, { side: 40, angle, x, y }), template));
    const diagonal = 40 * Math.SQRT2;
    for (const [share, expected] of [
      [beyond(50, 30, 1), 0],
      [beyond(0, 60), 0],
      [beyond(-10, 30), 1 / 4],
      [beyond(70, 80), 1 - (30 * 20) / 1600],
      [beyond(-41, 30), 1],
      [beyond(30, 101), 1],
      // Standing on its corner: half of it, and the tip that a fourth of its height cuts off.
      [beyond(0, 20, Math.PI / 4), 1 / 2],
      [beyond(50, 100 - (3 / 4) * diagonal, Math.PI / 4), 1 / 8],
      // One that is larger than the photo.
      [shareBeyond(photo, { a: 1 / 200, b: 0, dx: 0.25, dy: 0.25 }), 3 / 4],
    ] as const) {
      // Some roundings of numbers below 200.
      expect(Math.abs(share - expected)).toBeLessThan(1e-12);
    }
  });

  test("the region of a photo is all that its square depends on", () => {
    const rng = new Rng(3);
    const [width, height] = [150, 110];
    const data = Uint8Array.from({ length: 3 * width * height }, () => 255 * rng.uniform());
    for (let i = 0; i < 60; i++) {
      const place = {
        side: 8 + 250 * rng.uniform(),
        angle: 6.3 * rng.uniform(),
        x: 300 * rng.uniform() - 75,
        y: 220 * rng.uniform() - 55,
      };
      const similarity = faceSimilarity(placed(template, place), template);
      const region = regionOfSquare({ width, height }, similarity, 16);
      const { left, top } = region;
      const part = new Uint8Array(3 * region.width * region.height);
      const noise = data.map(() => 255 * rng.uniform());
      for (let y = 0; y < region.height; y++) {
        const [start, end] = [3 * ((top + y) * width + left), 3 * ((top + y) * width + left + region.width)];
        part.set(data.subarray(start, end), 3 * y * region.width);
        noise.set(data.subarray(start, end), start);
      }
      const whole = alignedSquare({ data, width, height }, similarity, 16);
      expect(worst(squareOfRegion({ ...region, data: part }, region, similarity, 16), whole)).toBe(0);
      expect(worst(alignedSquare({ data: noise, width, height }, similarity, 16), whole)).toBe(0);
    }
  });
});

describe("a model of aligned faces", () => {
  const file = fixture("imagefolder/objects/rotated_exif6.jpg");

  /** The model of the fixtures, said to know faces at the template. */
  const aligned = () => changedModel({ config: { align: template } });

  test("says so, and takes a photo with its face: upright, then aligned", async () => {
    const model = await Pioneer.load(aligned(), { parts: ["encoder"] });
    onTestFinished(() => model.dispose());
    expect(model.align).toEqual(template);
    const photo = readFileSync(file);
    const { pixels } = await decodePhoto(photo);
    const face = placed(template, { side: 50, angle: 0.3, x: 20, y: 5 });
    const [made] = await model.prepare({ photo, face }, { as: "image" });
    const expected = alignedSquare(pixels, faceSimilarity(face, template), 16);
    expect(
      worst(
        (made?.data ?? []).filter((_, i) => i % 4 !== 3),
        expected,
      ),
    ).toBe(0);
    const rgba = await sharp(photo).autoOrient().ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const data = new Uint8ClampedArray(rgba.data);
    const upright = { data, width: rgba.info.width, height: rgba.info.height };
    expect(
      await model.encode([
        { photo: upright, face },
        { photo, face },
      ]),
    ).toEqual(
      await model.encode([
        { photo, face },
        { photo, face },
      ]),
    );
  });

  test("a face outside of the photo is refused, and one for a model of photos that were not aligned", async () => {
    const [photo, face] = [readFileSync(file), placed(template, { side: 900, angle: 0, x: 0, y: 0 })];
    const model = await Pioneer.load(aligned(), { parts: ["encoder"] });
    onTestFinished(() => model.dispose());
    await expect(model.encode([photo, { photo, face }])).rejects.toThrow(
      /^image 2 of 2: a photo has its left eye at \(288, 351\), outside of its \d+x\d+ pixels$/,
    );
    const none = {} as typeof face;
    await expect(model.encode({ photo, face: none })).rejects.toThrow("its left eye at (NaN, NaN), which is no place");
    const plain = await Pioneer.load(fixture("model-tiny"), { parts: ["encoder"] });
    onTestFinished(() => plain.dispose());
    expect(plain.align).toBeNull();
    await expect(plain.encode({ photo, face })).rejects.toThrow(
      "a photo came with its face, and this model's photos were not aligned: give it alone",
    );
  });
});
