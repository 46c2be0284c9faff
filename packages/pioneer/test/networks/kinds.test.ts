import {
  avgPool2d,
  conv2d,
  grad,
  leakyRelu,
  noGrad,
  RandomGenerator,
  scope,
  type Tensor,
  upsampleNearest,
} from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, values } from "../../../torch/test/support/close.ts";
import { normal } from "../../../torch/test/support/differences.ts";
import { drawLatents } from "../../src/compute/streams.ts";
import { balanced, gan } from "../../src/config/recipe.ts";
import { composedPasses, Encoder, Generator, type NetworkKind, pioneerKind } from "../../src/networks/index.ts";
import type { Network } from "../../src/networks/network.ts";
import { randomImages } from "../support/tiny.ts";

const size = { latent: 8, channels: 6 };
const random = (seed: number) => new RandomGenerator(seed);

/** The same network in float64, with biases that are not 0: those hide faults. */
function inDouble<N extends typeof Generator | typeof Encoder>(
  of: N,
  network: Network,
  kind: NetworkKind,
): InstanceType<N> {
  const double = [...network.tensors()].map(([name, value], i) => {
    const isBias = name.endsWith("bias");
    return [name, isBias ? normal(50 + i, value.shape).mul(0.3) : value.detach().to("float64")] as const;
  });
  return of.from(new Map(double), "", kind) as InstanceType<N>;
}

/** W / sigma as section 2 of docs/algorithm.md has it. */
function normalised(network: Network, name: string): Tensor {
  const weight = network.parameter(`${name}.weight_orig`);
  const u = network.u.get(name) as Tensor;
  const w = weight.reshape([weight.size(0), -1]);
  const back = w.transpose(0, 1).matmul(u);
  const forth = w.matmul(back.div(back.norm()));
  return weight.div(forth.norm());
}

describe("the generator with spectral norm", () => {
  const single = () => Generator.create(size, random(1), balanced.networks);

  test("starts as the encoder does: N(0, 2 / fan in), zero biases, u a tenth of N(0, 1), no PixelNorm in its names", () => {
    const wide = Generator.create({ latent: 32, channels: 40 }, random(1), balanced.networks);
    expect(wide.parameters.has("progression.2.conv.2.conv.weight_orig")).toBe(true);
    expect([...wide.u.keys()]).toEqual(
      [...wide.parameters.keys()]
        .filter((name) => name.endsWith("weight_orig"))
        .map((name) => name.replace(".weight_orig", "")),
    );
    for (const [name, value] of wide.parameters) {
      if (name.startsWith("to_rgb")) continue;
      const spread = scope(() => Math.sqrt(value.detach().square().mean().item()));
      const expected = name.endsWith("bias") ? 0 : Math.sqrt((2 * value.size(0)) / value.length);
      // 5 standard errors of a root mean square.
      expect(Math.abs(spread - expected), name).toBeLessThanOrEqual((5 * expected) / Math.sqrt(2 * value.length));
    }
  });

  test.each([0.3, 1])(
    "at alpha %f is upsampling, 3x3 convolution by W / sigma, bias and LeakyReLU, in float64",
    (alpha) => {
      scope(() => {
        const generator = inDouble(Generator, single(), balanced.networks);
        const z = drawLatents(3, size.latent, random(2)).to("float64");
        const layer = (h: Tensor, name: string, padding: number) => {
          const y = conv2d(h, normalised(generator, name), generator.parameter(`${name}.bias`), padding);
          return leakyRelu(y, 0.2);
        };
        const rgb = (h: Tensor, p: number) =>
          conv2d(h, generator.parameter(`to_rgb.${p}.weight`), generator.parameter(`to_rgb.${p}.bias`));
        const four = layer(
          layer(z.reshape([3, size.latent, 1, 1]), "progression.0.conv.0.conv", 3),
          "progression.0.conv.2.conv",
          1,
        );
        const large = upsampleNearest(four);
        const eight = layer(layer(large, "progression.1.conv.0.conv", 1), "progression.1.conv.2.conv", 1);
        const expected = rgb(large, 0)
          .mul(1 - alpha)
          .add(rgb(eight, 1).mul(alpha));
        const got = generator.prepare({ phase: 1, alpha }, "fp64")(z);
        // Sums of 150 products of size 1 at most, in float64.
        expectClose(got, values(expected), 1e-13);
      });
    },
  );

  test("fused passes give the images and gradients of composed ones", () => {
    scope(() => {
      const generator = single();
      const growth = { phase: 2, alpha: 0.6 };
      const z = drawLatents(3, size.latent, random(3));
      const used = generator.used(growth);
      const outcome = (passes?: typeof composedPasses) => {
        const images = generator.prepare(growth, "fp32", "keep", passes)(z);
        return [images, ...grad(images.square().mul(images).sum(), [...used.values()])];
      };
      const [fused, exact] = [outcome(), outcome(composedPasses)];
      for (const [i, value] of fused.entries()) {
        const want = exact[i] as Tensor;
        // Six layers of sums of some 50 to 200 products, in float32, of the largest element.
        const allowed = 1e-5 * want.detach().abs().max().item();
        expectClose(value.detach().to("float64"), values(want.detach().to("float64")), allowed);
      }
    });
  });

  test("u of the blocks in use moves at each forward of training, and at none of evaluation", () => {
    const generator = single();
    const numbers = () => new Map([...generator.u].map(([name, u]) => [name, u.toFloat32Array()]));
    const before = numbers();
    noGrad(() => generator.prepare({ phase: 1, alpha: 1 }, "fp32")(drawLatents(2, size.latent, random(4))));
    expect(numbers()).toEqual(before);
    noGrad(() => generator.prepare({ phase: 1, alpha: 1 }, "fp32", "store"));
    for (const [name, u] of numbers()) {
      const moved = Buffer.compare(Buffer.from(u.buffer), Buffer.from((before.get(name) as Float32Array).buffer)) !== 0;
      expect(moved, name).toBe(/^progression\.[01]\./.test(name));
    }
  });

  test("in bf16 stays close to fp32", () => {
    const generator = Generator.create({ latent: 32, channels: 32 }, random(5), balanced.networks);
    noGrad(() =>
      scope(() => {
        const z = drawLatents(8, 32, random(6));
        const images = (precision: "fp32" | "bf16") => generator.prepare({ phase: 3, alpha: 0.5 }, precision)(z);
        const exact = images("fp32");
        const error = images("bf16").sub(exact).norm().item() / exact.norm().item();
        // 8 layers with some 4 roundings of 2^-9/sqrt(3) each, and as much again; networks.test.ts allows three times that.
        expect(error).toBeLessThan(0.022);
        expect(error).toBeGreaterThan(1e-4);
      }),
    );
  });
});

describe("the encoder's ending", () => {
  const growth = { phase: 0, alpha: 1 };

  /** The code of 4x4 images before its last activation. */
  const linearCode = (encoder: Encoder, x: Tensor) => {
    const layer = (h: Tensor, name: string, padding: number) =>
      conv2d(h, normalised(encoder, name), encoder.parameter(`${name}.bias`), padding);
    const h = conv2d(x, encoder.parameter("from_rgb.8.weight"), encoder.parameter("from_rgb.8.bias"));
    const wide = leakyRelu(layer(h, "progression.8.conv.0.conv", 1), 0.2);
    return layer(wide, "progression.8.conv.2.conv", 0).reshape([x.size(0), -1]);
  };
  const unit = (z: Tensor) => z.div(z.norm([1], true));

  test("with and without the last LeakyReLU, and with a head on the code as it was, in float64", () => {
    scope(() => {
      const x = randomImages(3, 0, random(7)).to("float64");
      const encoderOf = (kind: NetworkKind) => inDouble(Encoder, Encoder.create(size, random(8), kind), kind);
      const plain = encoderOf(balanced.networks);
      expectClose(plain.prepare(growth, "fp64", "keep")(x), values(unit(linearCode(plain, x))), 1e-14);
      const activated = encoderOf(pioneerKind);
      const code = leakyRelu(linearCode(activated, x), 0.2);
      expectClose(activated.prepare(growth, "fp64", "keep")(x), values(unit(code)), 1e-14);

      const judge = encoderOf(gan.networks);
      const [weight, bias] = [judge.parameter("linear.weight"), judge.parameter("linear.bias")];
      const judged = leakyRelu(linearCode(judge, x), 0.2).matmul(weight.transpose(0, 1)).add(bias);
      expect(judged.shape).toEqual([3, 2]);
      expectClose(judge.prepareJudge(growth, "fp64", "keep")(x), values(judged), 1e-14);
    });
  });

  test("a head changes nothing else: the same seed gives the same encoder beside it", () => {
    const [plain, judge] = [Encoder.create(size, random(9)), Encoder.create(size, random(9), gan.networks)];
    const x = randomImages(2, 2, random(10));
    for (const [name, value] of plain.parameters) {
      expect(judge.parameter(name).toFloat32Array(), name).toEqual(value.toFloat32Array());
    }
    expect(avgPool2d(x).shape).toEqual([2, 3, 8, 8]);
    // Uniform in ±1/sqrt(8).
    expect(judge.parameter("linear.weight").detach().abs().max().item()).toBeLessThanOrEqual(8 ** -0.5);
  });
});
