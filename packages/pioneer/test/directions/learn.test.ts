// Directions of synthetic latents, whose attributes are known functions of them.
import { edit, latentSampler, Rng } from "pioneer-runtime/internal";
import { scope, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import type { Attribute } from "../../src/directions/attributes.ts";
import { type Latents, principalDirections } from "../../src/directions/learn.ts";
import { logistic, predict, ridge } from "../../src/directions/regression.ts";
import { tangents } from "../../src/directions/tangent.ts";
import { learnDirections } from "../support/learn-directions.ts";

const latent = 12;
const [fittedCount, heldOutCount] = [2000, 500];
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * (b[i] as number), 0);
const unit = (v: readonly number[]) => v.map((value) => value / Math.sqrt(dot(v, v)));

/** Latents around the first axis, spread by `spreads` along the others. */
function latentsOf(spreads: readonly number[], seed: number): Latents {
  const rng = new Rng(seed);
  const count = fittedCount + heldOutCount;
  const values = new Float32Array(count * latent);
  for (let i = 0; i < count; i++) {
    const row = [1, ...spreads.map((spread) => spread * rng.normal())];
    values.set(unit(row), i * latent);
  }
  return { values, latent, fitted: range(0, fittedCount), heldOut: range(fittedCount, heldOutCount) };
}

const rowOf = ({ values }: Latents, i: number) => values.subarray(i * latent, (i + 1) * latent);
const valuesOf = (latents: Latents, of: (row: Float32Array) => number) =>
  Float64Array.from({ length: fittedCount + heldOutCount }, (_, i) => of(rowOf(latents, i)));
const numbers = (name: string, latents: Latents, of: (row: Float32Array) => number): Attribute => ({
  name,
  kind: "number",
  values: valuesOf(latents, of),
});
const sides = (name: string, latents: Latents, of: (row: Float32Array) => number): Attribute => ({
  name,
  kind: "category",
  values: valuesOf(latents, (row) => (of(row) > 0 ? 1 : 0)),
});

test("the tangent of a latent is as long as its angle from the mean, and perpendicular to it", () => {
  // Two latents at ±0.4 from the first axis, whose mean it is.
  const [c, s] = [Math.cos(0.4), Math.sin(0.4)];
  const x = tangents(Float32Array.of(c, s, 0, c, -s, 0), 3).toTypedArray() as Float64Array;
  // Coordinates are float32.
  const expected = [0, 0.4, 0, 0, -0.4, 0];
  for (const [i, value] of expected.entries()) expect(Math.abs((x[i] as number) - value)).toBeLessThan(2e-7);
  expect(() => tangents(Float32Array.of(1, 0, -1, 0), 2)).toThrow("no mean direction");
});

describe("regression", () => {
  const x = scope(() => tensor(Float64Array.of(1, 0, 0, 1, 1, 1, -1, 0.5, 0, -1, 2, 1), [6, 2]));
  const y = Float64Array.of(1, 2, 3, -1, 0, 4);

  test("ridge is (X'X + λ)⁻¹ X'y of centred numbers", () => {
    const rows = [
      [1, 0],
      [0, 1],
      [1, 1],
      [-1, 0.5],
      [0, -1],
      [2, 1],
    ] as const;
    const mean = (of: (row: readonly [number, number]) => number) => rows.reduce((sum, row) => sum + of(row), 0) / 6;
    const [m0, m1, my] = [mean((row) => row[0]), mean((row) => row[1]), y.reduce((a, b) => a + b) / 6];
    const sum = (of: (a: number, b: number, c: number) => number) =>
      rows.reduce((total, row, i) => total + of(row[0] - m0, row[1] - m1, (y[i] as number) - my), 0);
    const [aa, ab, bb] = [sum((a) => a * a), sum((a, b) => a * b), sum((_, b) => b * b)];
    const lambda = 0.1 * ((aa + bb) / 2);
    const [p, q, r] = [aa + lambda, ab, bb + lambda];
    const [u, v] = [sum((a, _, c) => a * c), sum((_, b, c) => b * c)];
    const expected = [(r * u - q * v) / (p * r - q * q), (p * v - q * u) / (p * r - q * q)];
    const { weights, bias } = ridge(x, y, 0.1);
    for (const i of [0, 1]) expect(Math.abs((weights[i] as number) - (expected[i] as number))).toBeLessThan(1e-12);
    expect(Math.abs(bias - (my - m0 * (expected[0] as number) - m1 * (expected[1] as number)))).toBeLessThan(1e-12);
  });

  test("at the optimum of logistic regression the gradient is zero", () => {
    const labels = Float64Array.of(1, 0, 1, 0, 0, 1);
    const penalty = 0.05;
    const model = logistic(x, labels, penalty);
    const missed = predict(x, model).map((score, i) => 1 / (1 + Math.exp(-score)) - (labels[i] as number));
    const columns = [0, 1].map((k) =>
      Float64Array.from({ length: 6 }, (_, i) => x.toTypedArray()[2 * i + k] as number),
    );
    const centred = columns.map((column) => column.map((value) => value - column.reduce((a, b) => a + b) / 6));
    const scale =
      (dot(centred[0] as Float64Array, centred[0] as Float64Array) +
        dot(centred[1] as Float64Array, centred[1] as Float64Array)) /
      2;
    expect(Math.abs(missed.reduce((a, b) => a + b))).toBeLessThan(1e-8);
    for (const k of [0, 1]) {
      const slope = dot(missed, columns[k] as Float64Array) + ((penalty * scale) / 4) * (model.weights[k] as number);
      expect(Math.abs(slope)).toBeLessThan(1e-8);
    }
  });
});

describe("a linear attribute of latents that spread alike in every direction", () => {
  const latents = latentsOf(Array<number>(latent - 1).fill(0.2), 1);
  const axis = unit([0, 3, -2, 0, 1, 0, 0, 0, 0, 0, 0, 0]);

  test.each([
    ["ridge", numbers("a", latents, (row) => dot(row, axis)), "linear"],
    ["logistic regression", sides("a", latents, (row) => dot(row, axis)), "linear"],
    ["means of numbers", numbers("a", latents, (row) => dot(row, axis)), "mean"],
    ["means of sides", sides("a", latents, (row) => dot(row, axis)), "mean"],
  ] as const)("%s finds its direction", (_, attribute, method) => {
    const { a } = learnDirections(latents, [attribute], { method, orthogonal: false });
    // A mean of N = 2,000 latents has an error of 1/sqrt(N) of their spread in each of the 10 other dimensions: an angle of
    // sqrt(10/N)·sqrt(π/2) = 0.09 where sides tell less than numbers; 0.2 is twice that, cos 0.98.
    expect(dot(a?.vector ?? [], axis)).toBeGreaterThan(0.98);
    expect(Math.abs(dot(a?.vector ?? [], a?.vector ?? []) - 1)).toBeLessThan(1e-12);
    // Along any direction the latents spread by 0.2, less by what the sphere bends.
    expect(a?.unit).toBeGreaterThan(0.17);
    expect(a?.unit).toBeLessThan(0.21);
    expect(a?.heldOut?.count).toBe(heldOutCount);
    expect(a?.heldOut?.value).toBeGreaterThan(attribute.kind === "number" ? 0.98 : 0.93);
  });

  test("an attribute that has nothing to do with the latents is told by nothing", () => {
    const rng = new Rng(5);
    const { noise } = learnDirections(latents, [numbers("noise", latents, () => rng.normal())], {
      method: "linear",
      orthogonal: false,
    });
    // R² of 500 held-out images; its standard error about 1/sqrt(500).
    expect(noise?.heldOut?.value).toBeLessThan(0.1);
  });
});

describe("latents that hardly vary where the attribute is, and vary much elsewhere", () => {
  // The attribute is their second coordinate; the third goes with it and is ten times as large.
  const spreads = [0.02, 0.2, ...Array<number>(latent - 3).fill(0.05)];
  const base = latentsOf(spreads, 2);
  const mixed: Latents = {
    ...base,
    values: base.values.map((value, i, all) => (i % latent === 2 ? value + 5 * (all[i - 1] as number) : value)),
  };
  for (let i = 0; i < fittedCount + heldOutCount; i++) mixed.values.set(unit([...rowOf(mixed, i)]), i * latent);
  const attribute = numbers("a", mixed, (row) => row[1] as number);
  const other = numbers("b", mixed, (row) => row[2] as number);

  test("the move goes where latents with more of it are", () => {
    const { a } = learnDirections(mixed, [attribute], { method: "linear", orthogonal: false });
    // E[third | second] = 5 · second.
    const ratio = (a?.vector[2] as number) / (a?.vector[1] as number);
    // Its standard error is 0.2/0.02/sqrt(2000) = 0.22.
    expect(Math.abs(ratio - 5)).toBeLessThan(1);
    // Strength 1 is one standard deviation of the attribute.
    const spread = Math.sqrt(attribute.values.reduce((sum, value) => sum + value ** 2, 0) / attribute.values.length);
    expect(Math.abs((a?.unit as number) * (a?.vector[1] as number) - spread) / spread).toBeLessThan(0.05);
  });

  test("orthogonal moves change one attribute and leave the other", () => {
    const file = (orthogonal: boolean) => ({
      format: 1,
      latent,
      directions: learnDirections(mixed, [attribute, other], { method: "linear", orthogonal }),
    });
    // Along its tangent the first latent moves as the directions say; the mean of all is its place.
    const pole = Float32Array.of(1, ...Array<number>(latent - 1).fill(0));
    const moved = (orthogonal: boolean) => edit(pole, { a: 1 }, file(orthogonal));
    expect(Math.abs(moved(false)[2] as number)).toBeGreaterThan(0.05);
    expect(Math.abs(moved(true)[2] as number)).toBeLessThan(0.005);
    expect(moved(true)[1]).toBeGreaterThan(0.015);
  });

  test.each(["linear", "mean"] as const)("%s: what is held stays, and gets no direction of its own", (method) => {
    const found = learnDirections(mixed, [attribute], { method, orthogonal: false, held: [other] });
    expect(Object.keys(found)).toEqual(["a"]);
    expect(found.a).toMatchObject({ orthogonal: false, holds: ["b"] });
    // One held attribute is all that --orthogonal would keep of two.
    const both = learnDirections(mixed, [attribute, other], { method, orthogonal: true });
    expect(both.a).toMatchObject({ orthogonal: true, holds: ["b"] });
    expect(Math.abs(dot(found.a?.vector ?? [], both.a?.vector ?? []) - 1)).toBeLessThan(1e-9);
    expect(found.a?.unit).toBeCloseTo(both.a?.unit as number, 9);
    const again = { ...attribute, name: "again" };
    expect(() => learnDirections(mixed, [attribute], { method, orthogonal: false, held: [again] })).toThrow(
      /^--hold: (a|again) cannot be told apart from (a|again); leave one of them out$/,
    );
  });

  test("images without a value are left out of what is learned", () => {
    const holes = { ...attribute, values: attribute.values.map((value, i) => (i % 3 === 0 ? Number.NaN : value)) };
    const kept = mixed.fitted.filter((i) => i % 3 !== 0);
    const { a } = learnDirections(mixed, [holes], { method: "mean", orthogonal: false });
    const fewer = learnDirections({ ...mixed, fitted: kept }, [attribute], { method: "mean", orthogonal: false });
    // Seen from the mean of all latents and from that of two thirds: 0.2 / sqrt(2000) apart.
    expect(dot(a?.vector ?? [], fewer.a?.vector ?? [])).toBeGreaterThan(0.99);
    expect(a?.heldOut?.count).toBe(mixed.heldOut.filter((i) => i % 3 !== 0).length);
  });

  test("attributes that are the same cannot be made orthogonal, and both are named", () => {
    const again = { ...attribute, name: "again" };
    for (const method of ["linear", "mean"] as const) {
      expect(() => learnDirections(mixed, [attribute, again], { method, orthogonal: true })).toThrow(
        /^--orthogonal: (a|again) cannot be told apart from (a|again); leave one of them out$/,
      );
    }
  });
});

test("an attribute that follows from two others cannot be made orthogonal to them", () => {
  const latents = latentsOf(Array<number>(latent - 1).fill(0.2), 3);
  const [a, b] = [numbers("a", latents, (row) => row[1] as number), numbers("b", latents, (row) => row[2] as number)];
  const sum = numbers("sum", latents, (row) => (row[1] as number) + (row[2] as number));
  expect(() => learnDirections(latents, [a, b, sum], { method: "linear", orthogonal: true })).toThrow(
    /^--orthogonal: \w+ cannot be told apart from \w+(, | and )\w+; leave one of them out$/,
  );
});

test("held-out numbers that are all the same say nothing of a direction", () => {
  const latents = latentsOf(Array<number>(latent - 1).fill(0.2), 3);
  const attribute = numbers("a", latents, (row) => row[1] as number);
  for (const row of latents.heldOut) attribute.values[row] = 0.5;
  const { a } = learnDirections(latents, [attribute], { method: "linear", orthogonal: false });
  expect(a).not.toHaveProperty("heldOut");
});

test("mean directions made orthogonal are perpendicular to each other's", () => {
  const latents = latentsOf(Array<number>(latent - 1).fill(0.2), 3);
  const first = numbers("a", latents, (row) => row[1] as number);
  const second = numbers("b", latents, (row) => (row[1] as number) + (row[2] as number));
  const free = learnDirections(latents, [first, second], { method: "mean", orthogonal: false });
  const { a, b } = learnDirections(latents, [first, second], { method: "mean", orthogonal: true });
  expect(Math.abs(dot(a?.vector ?? [], free.b?.vector ?? []))).toBeLessThan(1e-12);
  expect(Math.abs(dot(b?.vector ?? [], free.a?.vector ?? []))).toBeLessThan(1e-12);
});

test("principal directions are the axes of most spread, in order", () => {
  const latents = latentsOf([0.05, 0.3, 0.15, ...Array<number>(latent - 4).fill(0.02)], 4);
  const found = principalDirections(latents, 3);
  expect(Object.keys(found)).toEqual(["pc1", "pc2", "pc3"]);
  for (const [name, axis, spread] of [
    ["pc1", 2, 0.3],
    ["pc2", 3, 0.15],
    ["pc3", 1, 0.05],
  ] as const) {
    const { vector, unit: size } = found[name] as NonNullable<(typeof found)[string]>;
    expect(vector[axis]).toBeGreaterThan(0.99);
    // The logarithm shortens large angles: tan⁻¹ of a spread of 0.3 has a deviation of 0.27.
    expect(size / spread).toBeGreaterThan(0.85);
    expect(size / spread).toBeLessThan(1.05);
  }
});

test("uniform latents have principal directions of unit length that do not depend on the run", () => {
  const values = latentSampler(latent, 7)(400);
  const latents: Latents = {
    values: values.map((value, i) => (i % latent === 0 ? Math.abs(value) : value)),
    latent,
    fitted: range(0, 400),
    heldOut: [],
  };
  const [one, two] = [principalDirections(latents, latent - 1), principalDirections(latents, latent - 1)];
  expect(one).toEqual(two);
  expect(Object.keys(one).length).toBe(latent - 1);
  expect(() => principalDirections(latents, latent)).toThrow(
    /^--components 12: 400 latents of 12 coordinates have at most 11$/,
  );
});
