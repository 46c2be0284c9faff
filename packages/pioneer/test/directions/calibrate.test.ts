// Moves mended by what they do to pictures, with a model in closed form whose pictures mix what its latents keep apart.
import { type Model, Rng } from "pioneer-runtime/internal";
import { expect, test } from "vitest";
import type { Attribute } from "../../src/directions/attributes.ts";
import { calibrate, picturesTried } from "../../src/directions/calibrate.ts";
import { directionsOf, type Latents, learnMoves, type Move } from "../../src/directions/learn.ts";

const latent = 8;
const [fittedCount, heldOutCount] = [1000, 250];
const small = 0.05;

/** Latents around the first axis, alike in every other direction. */
function someLatents(seed: number, spread = small): Latents {
  const rng = new Rng(seed);
  const count = fittedCount + heldOutCount;
  const values = new Float32Array(count * latent);
  for (let i = 0; i < count; i++) {
    const row = [1, ...Array.from({ length: latent - 1 }, () => spread * rng.normal())];
    const length = Math.hypot(...row);
    values.set(
      row.map((value) => value / length),
      i * latent,
    );
  }
  const rows = Array.from({ length: count }, (_, i) => i);
  return { values, latent, fitted: rows.slice(0, fittedCount), heldOut: rows.slice(fittedCount) };
}

/** A picture's first pixels are mix · z; a latent is read off them again. @param mix [latent][latent] */
const mixing = (mix: readonly (readonly number[])[]): Model => ({
  resolution: 8,
  latent,
  colour: "rgb",
  crop: "none",
  align: null,
  async encode(images, count) {
    return Float32Array.from({ length: count * latent }, (_, i) => {
      const at = Math.floor(i / latent) * 192;
      return (images[at + (i % latent)] as number) / Math.hypot(...images.subarray(at, at + latent));
    });
  },
  async decode(latents, count) {
    const images = new Float32Array(count * 192);
    for (let i = 0; i < count; i++) {
      const z = [...latents.subarray(i * latent, (i + 1) * latent)];
      for (const [row, shares] of mix.entries()) {
        images[192 * i + row] = shares.reduce((sum, share, j) => sum + share * (z[j] as number), 0);
      }
    }
    return images;
  },
  dispose() {},
});

const mixOf = (change: (mix: number[][]) => void): number[][] => {
  const mix = Array.from({ length: latent }, (_, i) => Array.from({ length: latent }, (_, j) => (i === j ? 1 : 0)));
  change(mix);
  return mix;
};

/** Coordinates 1, 2 and 3 of a latent. */
const attributesOf = ({ values }: Latents): Attribute[] =>
  ["a", "b", "c"].map((name, k) => ({
    name,
    kind: "number",
    values: Float64Array.from({ length: fittedCount + heldOutCount }, (_, i) => values[i * latent + k + 1] as number),
  }));

const linear = { method: "linear", orthogonal: true } as const;
/** Each move's name and those of what it leaves alone. */
const keptBy = (moves: readonly Move[]) => moves.map(({ name, keeps }) => [name, keeps.map((j) => moves[j]?.name)]);
const shiftOf = (shift: Float64Array) => [...shift].map((value) => value / small);

// Moves of 1,000 latents err by 1/sqrt(1000) of a deviation in each coordinate, the sphere bends by 0.05² and what is read
// off 100 pictures is exact: three standard errors.
const tolerance = 0.1;

test("what the generator mixes is taken out, and strength 1 is a deviation as it is seen", async () => {
  const latents = someLatents(1);
  const [a, b] = attributesOf(latents) as [Attribute, Attribute];
  // Drawn, a shows by 0.5 of itself and brings 0.4 of b.
  const model = mixing(
    mixOf((mix) => {
      (mix[1] as number[])[1] = 0.5;
      (mix[2] as number[])[1] = 0.4;
    }),
  );
  const moves = learnMoves(latents, [a, b], linear);
  const calls: number[] = [];
  const mended = await calibrate(model, latents, moves, 2, (pictures) => calls.push(pictures));
  const [ofA, ofB] = mended.map(({ shift }) => shiftOf(shift)) as [number[], number[]];
  // 0.5 x = 1 and 0.4 x + y = 0.
  for (const [got, wanted] of [
    [ofA[1], 2],
    [ofA[2], -0.8],
    [ofB[1], 0],
    [ofB[2], 1],
  ] as const) {
    expect(Math.abs((got as number) - wanted)).toBeLessThan(2 * tolerance);
  }
  for (const [i, { shown }] of mended.entries()) {
    expect(shown?.images).toBe(100);
    expect(Math.abs((shown?.own ?? 0) - 1)).toBeLessThan(tolerance);
    expect(shown?.other?.name).toBe(i === 0 ? "b" : "a");
    expect(Math.abs(shown?.other?.effect ?? 1)).toBeLessThan(tolerance);
  }
  // 2 moves, up and down, on 200 pictures to be mended; before and after on 100 more each.
  expect([calls[0], calls.at(-1), picturesTried(latents, 2, 0)]).toEqual([32, 1600, 1600]);
  const { a: written } = directionsOf(mended, 2, linear);
  expect(written?.shown).toEqual(mended[0]?.shown);
  expect(written?.unit).toBeCloseTo(Math.hypot(...(mended[0]?.shift ?? [])), 12);
});

test("what is held stays as well, and gets no move of its own", async () => {
  const latents = someLatents(2);
  const [a, b, c] = attributesOf(latents) as [Attribute, Attribute, Attribute];
  const model = mixing(mixOf((mix) => ((mix[2] as number[])[1] = 0.6)));
  const how = { method: "linear", orthogonal: false, held: [b] } as const;
  const moves = await calibrate(model, latents, learnMoves(latents, [a, c], how), 2);
  expect(keptBy(moves).slice(0, 2)).toEqual([
    ["a", ["b"]],
    ["c", ["b"]],
  ]);
  expect(Object.entries(directionsOf(moves, 2, how)).map(([name, { holds }]) => [name, holds])).toEqual([
    ["a", ["b"]],
    ["c", ["b"]],
  ]);
  const mended = moves.slice(0, 2);
  expect(Math.abs((shiftOf(mended[0]?.shift as Float64Array)[2] as number) + 0.6)).toBeLessThan(2 * tolerance);
  for (const { shown } of mended) expect(Math.abs(shown?.other?.effect ?? 1)).toBeLessThan(2 * tolerance);
});

test("of what is held no move leaves another alone, so that two that go together may be held", async () => {
  const latents = someLatents(2);
  const [a, b] = attributesOf(latents) as [Attribute, Attribute];
  const again = { ...b, name: "again" };
  const how = { method: "mean", orthogonal: false, held: [b, again] } as const;
  const moves = learnMoves(latents, [a], how);
  expect(keptBy(moves)).toEqual([
    ["a", ["b", "again"]],
    ["b", []],
    ["again", []],
  ]);
  // What a brings of b is taken out, whichever of the two is asked to do it.
  const model = mixing(mixOf((mix) => ((mix[2] as number[])[1] = 0.6)));
  const [mended] = await calibrate(model, latents, moves, 1);
  expect(Math.abs((shiftOf(mended?.shift as Float64Array)[2] as number) + 0.6)).toBeLessThan(2 * tolerance);
});

test("alone, a move becomes as long as its attribute asks for", async () => {
  const latents = someLatents(4);
  const [a] = attributesOf(latents) as [Attribute];
  const model = mixing(mixOf((mix) => ((mix[1] as number[])[1] = 0.4)));
  const moves = learnMoves(latents, [a], { method: "linear", orthogonal: false });
  const [mended] = await calibrate(model, latents, moves, 1);
  const [before, after] = [moves[0]?.shift, mended?.shift].map((shift) => Math.hypot(...(shift ?? [])));
  expect(Math.abs((after as number) / (before as number) - 1 / 0.4)).toBeLessThan(2.5 * tolerance);
  expect(mended?.shown).toMatchObject({ images: 100 });
  expect(mended?.shown).not.toHaveProperty("other");
});

test("no move becomes so long that little is left of a latent; it says how far it goes", async () => {
  const latents = someLatents(4, 0.3);
  const [a] = attributesOf(latents) as [Attribute];
  // A deviation of 0.3 that shows by a quarter would take 1.2.
  const model = mixing(mixOf((mix) => ((mix[1] as number[])[1] = 0.25)));
  const moves = learnMoves(latents, [a], { method: "linear", orthogonal: false });
  const [mended] = await calibrate(model, latents, moves, 1);
  expect(Math.hypot(...(mended?.shift ?? []))).toBeCloseTo(0.6, 12);
  expect(mended?.shown?.own).toBeGreaterThan(0.3);
  expect(mended?.shown?.own).toBeLessThan(0.7);
});

test("means made apart stay apart where pictures mix nothing", async () => {
  const latents = someLatents(5);
  const [a, b] = attributesOf(latents) as [Attribute, Attribute];
  // Its mean lies at a cosine of 0.6 from that of a.
  const tilted = {
    ...b,
    name: "tilted",
    values: b.values.map((value, i) => 0.8 * value + 0.6 * (a.values[i] as number)),
  };
  const moves = learnMoves(latents, [a, tilted], { method: "mean", orthogonal: true });
  const mended = await calibrate(mixing(mixOf(() => {})), latents, moves, 2);
  for (const [i, { shift }] of mended.entries()) {
    const before = moves[i]?.shift as Float64Array;
    const along = shift.reduce((sum, value, k) => sum + value * (before[k] as number), 0);
    expect(along / (Math.hypot(...shift) * Math.hypot(...before))).toBeGreaterThan(0.99);
  }
});

test("two that pictures show as one keep moves of their own", async () => {
  const latents = someLatents(6);
  const [a, b] = attributesOf(latents) as [Attribute, Attribute];
  const model = mixing(
    mixOf((mix) => {
      mix[1] = mix[2] = [0, 1, 1, 0, 0, 0, 0, 0];
    }),
  );
  const moves = learnMoves(latents, [a, b], linear);
  const mended = await calibrate(model, latents, moves, 2);
  expect(mended.map(({ shift }) => shift)).toEqual(moves.map(({ shift }) => shift));
  expect(mended[0]?.shown?.other).toMatchObject({ name: "b" });
  expect(mended[0]?.shown?.other?.effect).toBeGreaterThan(0.8);
});

test("a move of what is not drawn stays as it is, says so, and mends no other", async () => {
  const latents = someLatents(3);
  const attributes = attributesOf(latents);
  const model = mixing(mixOf((mix) => ((mix[3] as number[])[3] = 0.05)));
  const moves = learnMoves(latents, attributes, linear);
  const mended = await calibrate(model, latents, moves, 3);
  expect(mended[2]?.shift).toEqual(moves[2]?.shift);
  expect(mended[2]?.shown?.own).toBeLessThan(0.1);
  expect(Math.abs(shiftOf(mended[0]?.shift as Float64Array)[3] as number)).toBeLessThan(tolerance);
});
