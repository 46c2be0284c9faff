import { grad, RandomGenerator, randn, type Tensor, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { values } from "../../../torch/test/support/close.ts";
import { drawLatents, stream } from "../../src/compute/streams.ts";
import { type AgeRecipe, accv2018, cycle, recipeOf } from "../../src/config/recipe.ts";
import { augmented, type Change, changesTensor, drawChanges } from "../../src/objectives/augment.ts";
import { type Age, ageObjective, type InputsOf, type StepSettings } from "../../src/objectives/index.ts";
import { randomImages, tinyLearner } from "../support/tiny.ts";

const unchanged: Change = { brightness: 0, saturation: 1, contrast: 1, shift: [0, 0], hole: [-1e4, -1e4] };
const through = (images: Tensor, ...changes: Partial<Change>[]) =>
  augmented(images, changesTensor(changes.map((change) => ({ ...unchanged, ...change }))));

/** One image of 4x4; all numbers here are exact in float32. */
const image = (at: (channel: number, y: number, x: number) => number) =>
  tensor(
    Float32Array.from({ length: 48 }, (_, i) => at(Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4)),
    [1, 3, 4, 4],
  );
/** Red, green and blue that are the same everywhere. */
const flat = image((channel) => [0.5, 0, -0.5][channel] as number);
const colourOf = (images: Tensor) => [0, 16, 32].map((at) => values(images)[at]);
/** Each value tells where it was. */
const places = image((channel, y, x) => 100 * (channel + 1) + 10 * y + x);

describe("by hand", () => {
  test("brightness is added, saturation scales about the pixel's mean, contrast about the image's", () => {
    expect(colourOf(through(flat, { brightness: 0.25 }))).toEqual([0.75, 0.25, -0.25]);
    expect(colourOf(through(flat, { saturation: 0.5 }))).toEqual([0.25, 0, -0.25]);
    expect(colourOf(through(flat, { saturation: 0, brightness: 0.25 }))).toEqual([0.25, 0.25, 0.25]);
    // Left half 1, right half 0, in all colours: the mean of a pixel is its value, that of the image is 1/2.
    const halves = image((_c, _y, x) => (x < 2 ? 1 : 0));
    expect(values(through(halves, { saturation: 0 }))).toEqual(values(halves));
    expect(values(through(halves, { contrast: 0.5 })).slice(0, 4)).toEqual([0.75, 0.75, 0.25, 0.25]);
    // In this order: 0.75, 0.25, -0.25, then halfway to 0.25, then twice as far from it.
    expect(colourOf(through(flat, { brightness: 0.25, saturation: 0.5, contrast: 1.5 }))).toEqual([
      0.625, 0.25, -0.125,
    ]);
  });

  test("a shift moves whole pixels down and to the right, and what comes in is 0", () => {
    const down = values(through(places, { shift: [1, 0] }));
    expect(down.slice(0, 8)).toEqual([0, 0, 0, 0, 100, 101, 102, 103]);
    const upRight = values(through(places, { shift: [-1, 2] }));
    expect(upRight.slice(16, 32)).toEqual([0, 0, 210, 211, 0, 0, 220, 221, 0, 0, 230, 231, 0, 0, 0, 0]);
  });

  test("a hole has half the width and height, cut off at the edges", () => {
    const rows = (hole: [number, number]) =>
      values(through(places, { hole }))
        .slice(0, 16)
        .map((value) => (value === 0 ? 0 : 1))
        .join("")
        .match(/.{4}/g);
    expect(rows([2, 2])).toEqual(["1111", "1001", "1001", "1111"]);
    expect(rows([0, 4])).toEqual(["1110", "1111", "1111", "1111"]);
    expect(rows([4, 1])).toEqual(["1111", "1111", "1111", "0011"]);
  });

  test("every image has its own change, the hole after the shift", () => {
    const [one, other] = [{ shift: [1, 1], hole: [1, 1], brightness: 0.5 } as const, { saturation: 0.5 }];
    const both = values(through(randomImages(2, 0, new RandomGenerator(1)), one, other));
    const images = randomImages(2, 0, new RandomGenerator(1));
    const alone = [one, other].flatMap((change, i) => values(through(images.narrow(0, i, 1), change)));
    expect(both).toEqual(alone);
    // Moved before the hole is cut, the images would have the hole elsewhere.
    const cut = values(through(places, { shift: [1, 1], hole: [3, 3] })).slice(0, 16);
    expect(cut).toEqual([0, 0, 0, 0, 0, 100, 101, 102, 0, 110, 0, 0, 0, 120, 0, 0]);
  });
});

test("gradients reach the images: the change of a weighted sum along a direction, in both ways", () => {
  const random = new RandomGenerator(2);
  const [x, direction, weights] = [0, 1, 2].map(() => randn([3, 3, 8, 8], random)) as [Tensor, Tensor, Tensor];
  const changes = drawChanges(3, 8, new RandomGenerator(5), "cpu");
  const sum = (images: Tensor) => augmented(images, changes).mul(weights).sum();
  const images = x.detach().requiresGrad_();
  const [gradient] = grad(sum(images), [images]) as [Tensor];
  // The changes are affine: no error but of some hundred float32 roundings of sums of size 100.
  const along = sum(x.add(direction)).item() - sum(x).item();
  expect(Math.abs(gradient.mul(direction).sum().item() - along)).toBeLessThan(1e-2);
  expect(Math.abs(along)).toBeGreaterThan(1);
});

describe("drawn", () => {
  const changes = (count: number, resolution: number, step = 0) => {
    const flat = values(drawChanges(count, resolution, stream(1, "augment", step), "cpu"));
    return Array.from({ length: count }, (_, i) => flat.slice(7 * i, 7 * i + 7) as number[]);
  };

  test("a function of seed and step", () => {
    expect(changes(8, 16, 3)).toEqual(changes(8, 16, 3));
    expect(changes(8, 16, 3)).not.toEqual(changes(8, 16, 4));
  });

  test("each kind for half of the images, independently, in DiffAugment's ranges", () => {
    const drawn = changes(4000, 16);
    const counted = (is: (change: number[]) => boolean) => drawn.filter(is).length / drawn.length;
    const colour = ([b]: number[]) => b !== 0;
    const moved = ([, , , y, x]: number[]) => y !== 0 || x !== 0;
    const cut = ([, , , , , y]: number[]) => (y as number) >= 0;
    // Five deviations of 4000 draws: 0.04. Of moved ones 1 in 25 is moved by nothing.
    expect(counted(colour)).toBeCloseTo(0.5, 1);
    expect(counted(cut)).toBeCloseTo(0.5, 1);
    expect(Math.abs(counted(moved) - 0.5 * (24 / 25))).toBeLessThan(0.04);
    const as = (change: number[]) => !colour(change) && !moved(change) && !cut(change);
    expect(Math.abs(counted(as) - 0.5 * (1 - 0.5 * (24 / 25)) * 0.5)).toBeLessThan(0.03);
    const range = (column: number, some = drawn) => {
      const numbers = some.map((change) => change[column] as number);
      return [Math.min(...numbers), Math.max(...numbers)];
    };
    const within = ([low, high]: number[], from: number, to: number) => {
      expect(low).toBeGreaterThanOrEqual(from);
      expect(low).toBeLessThan(from + 0.01);
      expect(high).toBeLessThan(to);
      expect(high).toBeGreaterThan(to - 0.01);
    };
    within(range(0), -0.5, 0.5);
    within(range(1), 0, 2);
    within(range(2), 0.5, 1.5);
    for (const column of [3, 4]) expect(range(column)).toEqual([-2, 2]);
    for (const column of [5, 6]) expect(range(column, drawn.filter(cut))).toEqual([0, 16]);
    expect(changes(400, 4).map(([, , , y]) => y)).toEqual(expect.arrayContaining([-1, 0, 1]));
  });
});

const sharpened = recipeOf({ recipe: "cycle", sharpen: true }) as AgeRecipe;

describe.each([
  ["accv2018", accv2018],
  ["cycle", cycle],
  ["cycle --sharpen", sharpened],
] as const)("the losses of %s", (_, plain) => {
  const recipe: AgeRecipe = { ...plain, augment: true };
  const objective = ageObjective(recipe);
  const settings: StepSettings = {
    growth: { phase: 1, alpha: 1 },
    precision: "fp32",
    encoderOrder: "joint",
  };
  /** With the same images, latents and networks, and changes of another seed. */
  const losses = (seed: number) => {
    const learner = tinyLearner(undefined, 0, recipe);
    const random = new RandomGenerator(7);
    const z = () => drawLatents(4, 8, random);
    const drawn = objective.draw({
      learner,
      growth: settings.growth,
      batch: 4,
      own: (all) => all,
      random: (purpose) => new RandomGenerator(purpose === "augment" ? seed : 9),
      device: "cpu",
    });
    const inputs: InputsOf<Age> = {
      x: randomImages(4, 1, random),
      zEncoder: z(),
      zGenerator: Array.from({ length: recipe.generatorSteps }, z),
      ...drawn,
    };
    const ofEncoder = objective.encoder(learner, inputs, settings);
    const last = inputs.zGenerator.at(-1) as Tensor;
    const ofGenerator = objective.generator(learner, inputs, settings)(last);
    const numbers = Object.entries({ ...ofEncoder.losses, ...ofGenerator.losses }).map(
      ([name, loss]) => [name, loss?.item()] as const,
    );
    return Object.fromEntries(numbers) as Record<string, number>;
  };

  test("only the KL terms, of both updates, depend on the changes; what is compared is seen as it is", () => {
    const [one, other] = [losses(1), losses(2)];
    const kls = plain === sharpened ? ["klReconstruction", "klReconstructionOfGenerator"] : [];
    const errors = plain === accv2018 ? [] : ["zReconOfEncoder", "xReconOfGenerator"];
    for (const name of ["klReal", "klFake", "klGenerated", ...kls]) expect(one[name], name).not.toBe(other[name]);
    for (const name of ["xRecon", "zRecon", ...errors]) {
      expect(one[name], name).toBeGreaterThan(0);
      expect(one[name], name).toBe(other[name]);
    }
  });

  test("nothing is drawn where it is off", () => {
    const learner = tinyLearner(undefined, 0, plain);
    const purposes: string[] = [];
    const random = (purpose: string) => {
      purposes.push(purpose);
      return new RandomGenerator(1);
    };
    const drawn = ageObjective(plain).draw({
      learner,
      growth: settings.growth,
      batch: 4,
      own: (all) => all,
      random,
      device: "cpu",
    });
    expect([Object.keys(drawn), purposes]).toEqual([["trades"], ["pool"]]);
  });
});
