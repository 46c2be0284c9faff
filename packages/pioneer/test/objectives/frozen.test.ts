import { gradWhereUsed, RandomGenerator, scope } from "pioneer-torch";
import { expect, test } from "vitest";
import { drawLatents } from "../../src/compute/streams.ts";
import { balanced, gan } from "../../src/config/recipe.ts";
import { frozen, frozenJudge } from "../../src/objectives/frozen.ts";
import { randomImages, tinyLearner } from "../support/tiny.ts";

const growth = { phase: 1, alpha: 0.5 };

test("gradients flow through a frozen network to what it is given, and none to what its convolutions are made of", () => {
  scope(() => {
    const { generator, encoder } = tinyLearner(undefined, 0, balanced);
    const { encoder: judge } = tinyLearner(undefined, 0, gan);
    const random = new RandomGenerator(1);
    const [z, x] = [drawLatents(4, 8, random), randomImages(4, 1, random)];
    const rows = [
      [generator, () => frozen(generator, growth, "fp32"), z],
      [encoder, () => frozen(encoder, growth, "fp32"), x],
      [judge, () => frozenJudge(judge, growth, "fp32"), x],
    ] as const;
    for (const [network, prepare, input] of rows) {
      const given = input.clone().requiresGrad_();
      const weights = [...network.used(growth)].flatMap(([name, value]) => (name.endsWith("_orig") ? [value] : []));
      expect(weights.length).toBeGreaterThanOrEqual(4);
      const [gradient, ...others] = gradWhereUsed(prepare()(given).select(1, 0).sum(), [given, ...weights]);
      expect(gradient?.abs().sum().item()).toBeGreaterThan(0);
      expect(others).toEqual(weights.map(() => null));
    }
  });
});

test("each call moves the u of spectral norms once, as a forward of training does", () => {
  const [learner, other] = [tinyLearner(undefined, 0, balanced), tinyLearner(undefined, 0, balanced)];
  const u = ({ generator }: typeof learner) => [...generator.u.values()].map((each) => each.toFloat32Array());
  scope(() => {
    frozen(learner.generator, growth, "fp32");
    other.generator.prepare(growth, "fp32", "store");
    expect(u(learner)).toEqual(u(other));
    frozen(learner.generator, growth, "fp32");
    expect(u(learner)).not.toEqual(u(other));
  });
});
