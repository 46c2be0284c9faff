// The networks with Winograd's convolutions against the networks with libtorch's, wide enough for the former.
import {
  grad,
  RandomGenerator,
  randn,
  recordOperators,
  scope,
  setConvolutions,
  setThreads,
  type Tensor,
} from "pioneer-torch";
import { afterEach, expect, test } from "vitest";
import { Encoder, Generator } from "../../src/networks/index.ts";

setThreads(1);
afterEach(() => setConvolutions(() => "direct"));

const size = { latent: 32, channels: 64 };
const growth = { phase: 2, alpha: 0.5 };

const apart = (got: Tensor, expected: Tensor): number =>
  scope(() => got.sub(expected).norm().item() / expected.norm().item());

test("G and E give the same images and codes in float32 to 1e-5, and gradients but for kinks that rounding crosses", () => {
  scope(() => {
    const random = new RandomGenerator(1);
    const generator = Generator.create(size, random);
    const encoder = Encoder.create(size, random);
    const z = randn([2, size.latent], random);
    const weights = [...generator.used(growth).values(), ...encoder.used(growth).values()];
    for (const weight of weights) weight.requiresGrad_();
    const run = () => {
      const x = generator.prepare(growth, "fp32")(z);
      const code = encoder.prepare(growth, "fp32", "keep")(x);
      return { made: [x.detach(), code.detach()], gradients: grad(code.square().mul(code).sum(), weights) };
    };
    const expected = run();
    setConvolutions(() => "winograd");
    const { result, calls } = recordOperators(run);
    // G's but the first, a matrix product, and E's but the first, which sees the picture, and the last, a matrix product.
    expect(calls.filter(({ name }) => name === "pioneer::winograd_convolution")).toHaveLength(9);
    for (const [i, got] of result.made.entries()) expect(apart(got, expected.made[i] as Tensor)).toBeLessThan(1e-5);
    // One of the 100,000 pre-activations on the other side of zero turns its share of a gradient by 0.8.
    for (const [i, got] of result.gradients.entries()) {
      expect(apart(got, expected.gradients[i] as Tensor)).toBeLessThan(1e-3);
    }
    generator.dispose();
    encoder.dispose();
  });
});
