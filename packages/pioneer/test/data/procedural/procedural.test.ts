import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { allIndices } from "../../../src/data/pack/splits.ts";
import type { RawImage } from "../../../src/data/pixels/decode.ts";
import { Drawers } from "../../../src/data/procedural/drawers.ts";
import { renderFace } from "../../../src/data/procedural/face.ts";
import {
  drawParameters,
  type FaceParameterName,
  type FaceParameters,
  faceParameterNames,
  faceParameterRanges,
  facingAhead,
} from "../../../src/data/procedural/parameters.ts";
import { hashUniform } from "../../../src/data/procedural/random.ts";
import { openProcedural } from "../../../src/data/sources/procedural.ts";
import { repeat } from "../support.ts";

const faces = Array.from({ length: 4000 }, (_, index) => drawParameters(7, index));
const column = (name: FaceParameterName) => faces.map((face) => face[name]);

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - meanA) * ((b[i] ?? 0) - meanB)));
  const deviation = (values: readonly number[], middle: number) =>
    Math.sqrt(mean(values.map((v) => (v - middle) ** 2)));
  return covariance / deviation(a, meanA) / deviation(b, meanB);
}

/** Mean absolute difference of two images, in 1/255. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

/** 2x2 means of an image [side, side, 3]. */
function halve(pixels: Uint8Array, side: number): Uint8Array {
  const half = side / 2;
  return Uint8Array.from({ length: half * half * 3 }, (_, i) => {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % half, Math.floor(i / 3 / half)];
    const at = (dx: number, dy: number) => pixels[3 * ((2 * y + dy) * side + 2 * x + dx) + channel] ?? 0;
    return Math.round((at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4);
  });
}

describe("parameters", () => {
  test("there are 27, in their ranges, and they fill them", () => {
    expect(faceParameterNames).toHaveLength(27);
    for (const name of faceParameterNames) {
      const [min, max] = faceParameterRanges[name];
      const values = column(name);
      expect(Math.min(...values)).toBeGreaterThanOrEqual(min);
      expect(Math.max(...values)).toBeLessThanOrEqual(max);
      expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(0.9 * (max - min));
    }
  });

  test("portraits are the same people looking ahead", () => {
    const portrait = facingAhead(faces[0] as FaceParameters);
    expect(portrait).toEqual({ ...faces[0], yaw: expect.any(Number), nod: 0, tilt: 0 });
    // To four decimals, as all parameters are.
    expect(portrait.yaw).toBeCloseTo(0.4 * (faces[0]?.yaw ?? 0), 4);
  });

  test("femininity goes with jaw, brows, lips, hair and beard, but not with the nose", () => {
    const femininity = column("femininity");
    // 4,000 faces: the standard error of a correlation is at most 0.016.
    for (const [name, expected] of [
      ["jaw", -0.71],
      ["browThickness", -0.71],
      ["lips", 0.71],
      ["hairLength", 0.71],
    ] as const) {
      expect(Math.abs(correlation(femininity, column(name)) - expected)).toBeLessThan(0.05);
    }
    expect(correlation(femininity, column("beard"))).toBeLessThan(-0.2);
    for (const name of ["noseSize", "smile", "glasses", "yaw"] as const) {
      expect(Math.abs(correlation(femininity, column(name)))).toBeLessThan(0.08);
    }
  });

  test("a face depends on its seed and number alone", () => {
    expect(drawParameters(7, 1234)).toEqual(faces[1234]);
    expect(drawParameters(8, 1234)).not.toEqual(faces[1234]);
    expect(drawParameters(7 + 2 ** 32, 1234)).not.toEqual(faces[1234]);
  });

  test("random numbers are uniform and unrelated", () => {
    const values = Array.from({ length: 20_000 }, (_, i) => hashUniform(3, Math.floor(i / 20), i % 20));
    const counts = repeat(0, 10);
    for (const value of values) counts[Math.floor(value * 10)] = (counts[Math.floor(value * 10)] ?? 0) + 1;
    // 2,000 expected in each tenth, standard deviation 42; five of them.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(212);
    expect(Math.abs(correlation(values.slice(1), values.slice(0, -1)))).toBeLessThan(5 / Math.sqrt(20_000));
  });
});

describe("pictures", () => {
  const base: FaceParameters = { ...drawParameters(1, 3), yaw: 0, nod: 0, tilt: 0, glasses: 0, beard: 0, gaze: 0 };

  test("are the same for the same parameters, at any size", () => {
    for (const resolution of [4, 8, 16, 32, 64, 128]) {
      const pixels = renderFace(base, resolution);
      expect(pixels).toHaveLength(resolution * resolution * 3);
      expect(renderFace(base, resolution)).toEqual(pixels);
    }
  });

  test("of half the size are 2x2 means: but for rounding up to 64, nearly beyond", () => {
    for (const index of [0, 1, 2, 3]) {
      const face = drawParameters(5, index);
      for (const side of [64, 32, 16]) {
        const [large, small] = [halve(renderFace(face, side), side), renderFace(face, side / 2)];
        expect(Math.max(...large.map((value, i) => Math.abs(value - (small[i] ?? 0))))).toBeLessThanOrEqual(1);
      }
      // Edges are smoothed by distance, not by area: up to 0.9 of 255 was seen over 200 faces.
      expect(difference(halve(renderFace(face, 128), 128), renderFace(face, 64))).toBeLessThan(1.5);
    }
  });

  test("show every parameter", () => {
    const shown = (name: FaceParameterName, from: number, to: number, face = base) =>
      difference(renderFace({ ...face, [name]: from }, 64), renderFace({ ...face, [name]: to }, 64));
    for (const name of faceParameterNames) {
      const [min, max] = faceParameterRanges[name];
      // Hues come round: their ends look alike, their middle does not.
      const farthest = Math.max(shown(name, min, max), shown(name, min, (min + max) / 2));
      expect(farthest, name).toBeGreaterThan(0.15);
    }
    expect(shown("noseSize", 0, 1)).toBeGreaterThan(0.5);
  });

  test("change smoothly: a hundredth of the range changes no pixel by much", () => {
    for (const name of faceParameterNames.filter((each) => each !== "light")) {
      const [min, max] = faceParameterRanges[name];
      const middle = min + 0.55 * (max - min);
      const near = renderFace({ ...base, [name]: middle + 0.01 * (max - min) }, 64);
      expect(difference(renderFace({ ...base, [name]: middle }, 64), near), name).toBeLessThan(1.5);
    }
  });

  test("the source gives them with their parameters as labels", async () => {
    const source = openProcedural("procedural:faces", 32, 50, 9);
    expect(source.count).toBe(50);
    expect(source.entry(7)).toEqual({ name: "face-000007", labels: { ...drawParameters(9, 7) } });
    for await (const content of source.contents([7])) {
      expect(await content.read()).toEqual({ width: 32, height: 32, pixels: renderFace(drawParameters(9, 7), 32) });
    }
    expect(openProcedural("procedural:faces", 32, 50, 10).digest).not.toBe(source.digest);
  });

  test("are the same when there are so many that threads draw them, read in any order", async () => {
    const source = openProcedural("procedural:faces", 16, 200, 9);
    const reads: Promise<RawImage | Buffer>[] = [];
    for await (const content of source.contents(allIndices(source.count))) reads.push(content.read());
    for (const [index, read] of reads.entries()) {
      expect(await read).toEqual({ width: 16, height: 16, pixels: renderFace(drawParameters(9, index), 16) });
    }
    await source.close();
  });

  test("threads that end in the middle leave no one waiting", async () => {
    const drawers = Drawers.start(200);
    if (drawers === undefined) return; // one core
    const drawings = Array.from({ length: 50 }, () => drawers.draw(drawParameters(0, 0), 256));
    const outcomes = Promise.allSettled(drawings);
    await drawers.close();
    expect((await outcomes).filter(({ status }) => status === "rejected")).not.toEqual([]);
  });

  test("have not changed since drawingVersion 1", () => {
    const hash = createHash("sha256");
    for (const face of faces.slice(0, 20)) for (const value of renderFace(face, 16)) hash.update(`${value >> 3},`);
    expect(hash.digest("hex").slice(0, 16)).toBe("030ac5615661dd14");
  });
});
