import { faceSimilarity, type Point } from "pioneer-runtime";
import { photoPoint } from "pioneer-runtime/internal";
import { describe, expect, test } from "vitest";
import {
  facePoints,
  middleSquare,
  moved,
  placementOf,
  placementOfFace,
  similarityOf,
  squarePoint,
  zoomed,
} from "../../src/page/image/placement.ts";

const size = { width: 640, height: 480 };
const turned = { x: 300, y: 210, side: 150, angle: 0.4 };
const template = { eyeLeft: [0.32, 0.39], eyeRight: [0.68, 0.39], mouth: [0.5, 0.78] } as const;
// Coordinates of some hundred pixels, a few float64 operations on them.
const digits = 9;

const expectPlacement = (got: typeof turned, wanted: typeof turned) => {
  for (const name of ["x", "y", "side", "angle"] as const) expect(got[name]).toBeCloseTo(wanted[name], digits);
};

describe("placing a photo", () => {
  test("the middle square goes from edge to edge of the shorter side", () => {
    const similarity = similarityOf(middleSquare(size));
    const corners = [...photoPoint(similarity, [0, 0]), ...photoPoint(similarity, [1, 1])];
    for (const [i, value] of [80, 0, 560, 480].entries()) expect(corners[i]).toBeCloseTo(value, digits);
  });

  test("a turned square's upper edge points where the angle says", () => {
    const similarity = similarityOf(turned);
    const [from, to] = [photoPoint(similarity, [0, 0]), photoPoint(similarity, [1, 0])];
    expect(Math.atan2(to[1] - from[1], to[0] - from[0])).toBeCloseTo(turned.angle, digits);
    expect(Math.hypot(to[0] - from[0], to[1] - from[1])).toBeCloseTo(turned.side, digits);
  });

  test("placement and similarity are two ways to say the same", () => {
    expectPlacement(placementOf(similarityOf(turned)), turned);
  });

  test("marking the points where the template has them already changes nothing", () => {
    expectPlacement(placementOfFace(facePoints(turned, template), template), turned);
  });

  test("marks bring eyes and mouth to where the runtime aligns them", () => {
    const marks = { eyeLeft: [250, 200], eyeRight: [330, 180], mouth: [310, 280] } as const;
    const ours = similarityOf(placementOfFace(marks, template));
    const theirs = faceSimilarity(marks, template);
    for (const name of ["a", "b", "dx", "dy"] as const) expect(ours[name]).toBeCloseTo(theirs[name], digits);
  });

  test("what is dragged follows the pointer, and what is zoomed stays under it", () => {
    const under: Point = [0.25, 0.6];
    const inPhoto = photoPoint(similarityOf(turned), under);
    const dragged = squarePoint(similarityOf(moved(turned, 0.1, -0.05, size)), inPhoto);
    expect(dragged[0]).toBeCloseTo(0.35, digits);
    expect(dragged[1]).toBeCloseTo(0.55, digits);
    const larger = zoomed(turned, 1.5, under, size);
    expect(larger.side).toBeCloseTo(100, digits);
    expect(squarePoint(similarityOf(larger), inPhoto)[0]).toBeCloseTo(under[0], digits);
    expect(squarePoint(similarityOf(larger), inPhoto)[1]).toBeCloseTo(under[1], digits);
  });

  test("the square cannot be lost: its middle stays in the photo, its size within reason", () => {
    expect(moved(turned, -1000, 0, size).x).toBeLessThanOrEqual(640);
    expect(zoomed(turned, 1e6, [0.5, 0.5], size).side).toBe(24);
    expect(zoomed(turned, 1e-6, [0.5, 0.5], size).side).toBe(1440);
  });
});
