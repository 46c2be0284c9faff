// Alone in its file: cacheMemory() holds for the whole process.
import { cacheMemory } from "pioneer-torch";
import { expect, test } from "vitest";
import { disposeLearner } from "../../src/learner/learner.ts";
import { contents, tinyLearner, train } from "../support/tiny.ts";

test("training steps give the same bits with and without kept memory", () => {
  /** 32 x 32 pixels: activations of the newest block, 4 x 16 x 32 x 32 numbers and more, are kept (256 KiB or larger). */
  const run = (precision: "fp32" | "bf16") => {
    const learner = tinyLearner({ latent: 16, channels: 16 });
    const losses: number[] = [];
    train(learner, 2, { growth: { phase: 3, alpha: 0.5 }, batch: 4, precision }, (step) => {
      losses.push(...Object.values(step).map((loss) => loss.item()));
    });
    const numbers = contents(learner);
    disposeLearner(learner);
    return { losses, numbers };
  };
  const without = { fp32: run("fp32"), bf16: run("bf16") };
  cacheMemory();
  // Twice: the second time every block has been used before.
  for (let round = 0; round < 2; round++) {
    for (const precision of ["fp32", "bf16"] as const) {
      const { losses, numbers } = run(precision);
      expect(losses).toEqual(without[precision].losses);
      for (const [name, value] of numbers) expect(value, name).toEqual(without[precision].numbers.get(name));
    }
  }
});
