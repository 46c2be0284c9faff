import { describe, expect, test } from "vitest";
import { accv2018 } from "../../src/config/recipe.ts";
import { Group } from "../../src/verify/compare.ts";

describe("a group", () => {
  test("takes the worst tensor's measure, relative for relL2", () => {
    const group = new Group("relL2", 0.1);
    group.add("a", [3, 4.5], [3, 4]); // 0.5 of 5
    group.add("b", [1], [1]);
    expect(group.result()).toMatchObject({ value: 0.1, maxAbs: 0.5, ok: true, worst: "a", tensors: 2 });
    group.add("c", [1.3], [1]);
    expect(group.result()).toMatchObject({ ok: false, worst: "c" });
  });

  test("without a single number has shown nothing", () => {
    expect(new Group("maxAbs", 1).result()).toMatchObject({ ok: false, value: Number.POSITIVE_INFINITY });
    expect(new Group("fractionWithin", 0.999).result()).toMatchObject({ ok: false, value: 0 });
  });

  test("fails for NaN, and for what was rejected, whatever the rest says", () => {
    const nan = new Group("maxAbs", 1e9);
    nan.add("a", [Number.NaN], [0]);
    expect(nan.result().ok).toBe(false);
    const still = new Group("fractionWithin", 0.5, 1);
    still.add("a", [1, 2, 3], [1, 2, 3]);
    expect(still.result().ok).toBe(true);
    still.reject("b did not move");
    expect(still.result()).toMatchObject({ ok: false, worst: "b did not move" });
  });
});

test("the recipe's constants are those of docs/algorithm.md, section 3: one iteration cannot show them all", () => {
  expect(accv2018).toEqual({
    objective: "age",
    networks: { generatorNorm: "pixel", activatedCode: true, head: false },
    klDirection: "qp",
    zMismatch: "cos",
    xMismatch: "L1",
    realm: false,
    boostreco: 0,
    klScale: 0.1,
    zScale: 100,
    xScale: { fading: 1, stable: 1.5 },
    generatorSteps: 2,
    adam: { beta1: 0, beta2: 0.99, epsilon: 1e-8 },
    lrDecay: 0,
    ema: { decay: 0.999 },
    averagesEncoder: false,
    augment: false,
    margin: 0,
    xScaleOfGenerator: 0,
    klOfReconstructions: { encoder: 0, generator: 0 },
    zScaleOfEncoder: 0,
    poolSize: { below256: 200, from256: 100 },
  });
});
