import { noGrad, type RandomGenerator, scope } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { drawLatents, type Purpose, stream } from "../../src/compute/streams.ts";
import { tensorsIn } from "../../src/compute/tensor-tree.ts";
import { accv2018, balanced, cycle, gan, type Recipe, recipeOf } from "../../src/config/recipe.ts";
import { ageObjective, objectiveOf } from "../../src/objectives/index.ts";
import { tinyLearner, train } from "../support/tiny.ts";

const ofAge = ["klReal", "klFake", "klGenerated", "xRecon", "zRecon"];
const ofCycle = [...ofAge, "xReconOfGenerator", "zReconOfEncoder"];
const ofSharpened = [
  "klReal",
  "klFake",
  "klReconstruction",
  "klGenerated",
  "klReconstructionOfGenerator",
  ...ofCycle.slice(3),
];

test.each<[string, Recipe, readonly string[]]>([
  ["accv2018", accv2018, [...ofAge, "encoder", "generator"]],
  ["balanced", balanced, [...ofAge, "encoder", "generator"]],
  ["cycle", cycle, [...ofCycle, "encoder", "generator"]],
  ["cycle --sharpen", recipeOf({ recipe: "cycle", sharpen: true }), [...ofSharpened, "encoder", "generator"]],
  ["gan", gan, ["scoreReal", "scoreFake", "drift", "gradientPenalty", "critic", "scoreGenerated", "generator"]],
])("%s: the loss terms of a step, in the order of the logs", (_, recipe, names) => {
  let seen: string[] = [];
  train(tinyLearner(undefined, 0, recipe), 1, { growth: { phase: 1, alpha: 1 } }, (losses) => {
    seen = Object.keys(losses);
  });
  expect(seen).toEqual(names);
});

describe("what it draws beside images and latents", () => {
  /** By their places, with the purposes that were drawn for. */
  function drawn(recipe: Recipe, alpha: number) {
    const learner = tinyLearner(undefined, 0, recipe);
    const purposes: Purpose[] = [];
    const random = (purpose: Purpose): RandomGenerator => {
      purposes.push(purpose);
      return stream(3, purpose, 5);
    };
    return scope(() => {
      const growth = { phase: 1, alpha };
      const tree = objectiveOf(recipe).draw({ learner, growth, batch: 4, own: (all) => all, random, device: "cpu" });
      return { places: new Map([...tensorsIn(tree)].map(([place, { shape }]) => [place, shape])), purposes };
    });
  }
  const nothing = { places: new Map(), purposes: [] };

  test("trades with the image pool, once faded in", () => {
    const trades = new Map([
      ["trades.returned", [4]],
      ["trades.stored", [4]],
    ]);
    for (const recipe of [accv2018, balanced, cycle]) {
      expect(drawn(recipe, 0.99)).toEqual(nothing);
      expect(drawn(recipe, 1)).toEqual({ places: trades, purposes: ["pool"] });
    }
  });

  test("for a gradient penalty, where between the images it is taken", () => {
    for (const alpha of [0.5, 1]) {
      expect(drawn(gan, alpha)).toEqual({ places: new Map([["blend", [4, 1, 1, 1]]]), purposes: ["blend"] });
    }
  });
});

describe("the cosine of a status line", () => {
  test("is that of the latents and E's answers, read off the loss", () => {
    const learner = tinyLearner();
    const growth = { phase: 1, alpha: 1 };
    scope(() => {
      const z = drawLatents(16, 8, stream(0, "latents"));
      const code = noGrad(() => {
        const made = learner.generator.prepare(growth, "fp32")(z);
        return learner.encoder.prepare(growth, "fp32", "keep")(made);
      });
      const cosine = code.mul(z).sum().item() / 16;
      const zRecon = 2 - code.mul(z).mean().item();
      // Float32: 128 products of at most 1, summed in two ways; then times the dimension of 8.
      expect(Math.abs((ageObjective(accv2018).cosine({ zRecon }, 8) ?? Number.NaN) - cosine)).toBeLessThan(8e-6);
    });
  });

  test("where a loss measures it", () => {
    const means = { zRecon: 1.9 };
    expect(objectiveOf({ ...accv2018, zMismatch: "L1" }).cosine(means, 8)).toBeUndefined();
    expect(objectiveOf(accv2018).cosine({}, 8)).toBeUndefined();
    expect(objectiveOf(gan).cosine(means, 8)).toBeUndefined();
  });
});

test("passes of gan, by hand: real and fake, G's judged, and the penalty's six", () => {
  expect(objectiveOf({ ...gan, generatorSteps: 1 }).passes()).toEqual({
    encoder: { forward: 3, toData: 3, toWeights: 2 },
    generator: { forward: 2, toData: 1, toWeights: 1 },
    exactEncoder: 6,
  });
});

test("the margin is the recipe's", () => {
  expect([accv2018, balanced, cycle, gan].map((recipe) => objectiveOf(recipe).margin)).toEqual([0, 0, 0.05, 0]);
});
