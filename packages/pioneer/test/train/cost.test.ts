// What a step is said to consist of, against the convolutions that a step really computes.
import { type CalledValue, recordOperators, setConvolutions, type TensorNote } from "pioneer-torch";
import { afterEach, expect, test } from "vitest";
import { accv2018, balanced, cycle, recipeOf } from "../../src/config/recipe.ts";
import { disposeLearner } from "../../src/learner/learner.ts";
import { encoderConvolutions, generatorConvolutions } from "../../src/networks/convolutions.ts";
import { flopsPerImage, layersOfStep } from "../../src/train/cost.ts";
import { tinyLearner, train } from "../support/tiny.ts";

afterEach(() => setConvolutions(() => "direct"));

const size = { latent: 8, channels: 6 };
const [phase, batch] = [2, 4];

const isTensor = (value: CalledValue | undefined): value is TensorNote =>
  typeof value === "object" && value !== null && "shape" in value;

/** Once the image pool is full, E's update sees images of it. */
const fullPool = accv2018.poolSize.below256 / batch;

const sharpened = recipeOf({ recipe: "cycle", sharpen: true });

test.each(Object.entries({ accv2018, balanced, cycle, sharpened }))(
  "%s: a step's convolutions are counted as they are computed: images through each layer, forwards",
  (_, recipe) => {
    // Winograd's convolutions are one operator for any layer; all that have a choice of form are computed so.
    setConvolutions(() => "winograd");
    const learner = tinyLearner(size, 0, recipe);
    const growth = { phase, alpha: 1 };
    train(learner, fullPool, { growth, batch });
    const { calls } = recordOperators(() => train(learner, 1, { growth, batch }));
    disposeLearner(learner);
    const images = new Map<string, number>();
    for (const { name, inputs } of calls) {
      const [x, weight, enlarging] = inputs;
      if (name !== "pioneer::winograd_convolution" || !isTensor(x) || !isTensor(weight)) continue;
      const layer = JSON.stringify([x.shape[1], weight.shape[0], x.shape[3], enlarging]);
      images.set(layer, (images.get(layer) ?? 0) + (x.shape[0] as number));
    }
    const counted = new Map<string, number>();
    for (const { layer, forward } of layersOfStep(size, phase, recipe)) {
      const key = JSON.stringify([layer.into, layer.out, layer.side, layer.enlarging]);
      counted.set(key, (counted.get(key) ?? 0) + forward * batch);
    }
    expect(images.size).toBeGreaterThan(0);
    expect(counted).toEqual(images);
  },
);

test("layers of both networks, in their order, with the widths that halve from 64x64 on", () => {
  const wide = { latent: 8, channels: 16 };
  const shown = (layers: ReturnType<typeof generatorConvolutions>) =>
    layers.map(({ into, out, side, enlarging }) => `${into}>${out} ${side}${enlarging ? " enlarging" : ""}`);
  expect(shown(generatorConvolutions(wide, 4)).slice(-4)).toEqual([
    "16>16 16 enlarging",
    "16>16 32",
    "16>8 32 enlarging",
    "8>8 64",
  ]);
  expect(shown(encoderConvolutions(wide, 5)).slice(-4)).toEqual(["16>16 32", "8>16 64", "16>16 64", "8>8 128"]);
});

test("work of a step of one image, by hand at 8x8 with one channel and a latent of one", () => {
  // Multiply-adds: G 16, 9·16, 16·25, 9·64; E 4·9·64, 9·64, 9·16, 16. Twice two generator updates: 9 and 10 passes.
  const generator = 16 + 144 + 400 + 576;
  const encoder = 2304 + 576 + 144 + 16;
  const one = { latent: 1, channels: 1 };
  expect(flopsPerImage(one, 1, { ...accv2018, generatorSteps: 2 })).toBe(2 * (9 * generator + 10 * encoder));
});
