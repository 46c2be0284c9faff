import { gradWhereUsed, noGrad, RandomGenerator, scope, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, f64 } from "../../../torch/test/support/close.ts";
import { expectGradients, normal } from "../../../torch/test/support/differences.ts";
import { gan } from "../../src/config/recipe.ts";
import { between, gradientPenalty } from "../../src/losses/index.ts";
import { composedPasses, Encoder } from "../../src/networks/index.ts";

/** Sum of f over all but the first dimension. */
const perImage = (x: Tensor) => x.reshape([x.size(0), -1]).sum([1]);

describe("gradientPenalty, by hand", () => {
  test("of a linear score it is (|w| - 1)², wherever it is measured", () => {
    const w = f64([2, -1, 2], [1, 1, 1, 3]); // length 3
    for (const seed of [1, 2]) {
      expectClose(
        gradientPenalty((x) => perImage(x.mul(w)), normal(seed, [4, 1, 1, 3])),
        [4],
        1e-14,
      );
    }
  });

  test("the norm is over all pixels of an image, the mean over images", () => {
    // The gradient of |x|²/2 is x: lengths 5, 1 and 13 of images [1, 2, 1].
    const x = f64([3, 4, 0.6, 0.8, 5, 12], [3, 1, 2, 1]);
    expectClose(
      gradientPenalty((image) => perImage(image.square()).div(2), x),
      [(16 + 0 + 144) / 3],
      1e-13,
    );
  });

  test("its gradients are those of finite differences", () => {
    const x = normal(3, [3, 2, 2, 1]);
    // Curved in the pixels and in both parameters.
    const score = (a: Tensor, b: Tensor) => (image: Tensor) => perImage(image.square().mul(a).add(image.mul(b).exp()));
    expectGradients((a, b) => gradientPenalty(score(a, b), x), [normal(4, [2, 2, 1]), normal(5, [2, 2, 1])]);
  });
});

test("images between two batches take the share e of the first, image by image", () => {
  const [x, y] = [f64([1, 2, 3, 4], [2, 1, 1, 2]), f64([5, 6, 7, 8], [2, 1, 1, 2])];
  expectClose(between(x, y, f64([0.25, 1], [2, 1, 1, 1])), [4, 5, 3, 4], 1e-15);
});

test.each([
  { phase: 1, alpha: 0.5 },
  { phase: 1, alpha: 1 },
])(
  "through the discriminator at %j: its derivative along any direction is that of differences, in float64",
  (growth) => {
    scope(() => {
      const single = Encoder.create({ latent: 4, channels: 3 }, new RandomGenerator(1), gan.networks);
      const double = new Map([...single.tensors()].map(([name, value]) => [name, value.detach().to("float64")]));
      const encoder = Encoder.from(double, "", gan.networks);
      noGrad(() => {
        // Zero biases hide wrong gradients.
        for (const [i, [name, value]] of [...encoder.parameters].entries()) {
          if (name.endsWith("bias")) value.copy_(normal(20 + i, value.shape).mul(0.3));
        }
      });
      const x = normal(2, [3, 3, 8, 8]);
      const penalty = () => {
        const D = encoder.prepareJudge(growth, "fp64", "keep", composedPasses);
        return gradientPenalty((image) => D(image).select(1, 0), x);
      };
      const used = [...encoder.used(growth).values()];
      // The slope of a score does not depend on what is added to it: the head's bias has no gradient.
      const gradients = gradWhereUsed(penalty(), used);
      const directions = used.map((value, i) => normal(100 + i, value.shape));
      const slope = directions
        .map((direction, i) => gradients[i]?.mul(direction).sum().item() ?? 0)
        .reduce((sum, part) => sum + part);
      const move = (h: number) =>
        noGrad(() => {
          for (const [i, value] of used.entries()) value.add_(directions[i] as Tensor, h);
        });
      const along = (h: number) => {
        move(h);
        const value = scope(() => penalty().item());
        move(-h);
        return value;
      };
      const h = 1e-6;
      const differences = (along(h) - along(-h)) / (2 * h);
      // Rounding: some 100 roundings of 2.2e-16 of a penalty of size 1 over 2h, 1e-8; truncation about h² of it.
      expect(Math.abs(slope - differences)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)));
      expect(Math.abs(slope)).toBeGreaterThan(1e-3);
      encoder.dispose();
      single.dispose();
    });
  },
);
