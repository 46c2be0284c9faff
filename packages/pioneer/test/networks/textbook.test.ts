// The networks as papers write them, of plain convolutions, against what prepare() makes of them: folded, merged, fused.
import {
  avgPool2d,
  conv2d,
  grad,
  leakyRelu,
  noGrad,
  RandomGenerator,
  scope,
  setThreads,
  type Tensor,
  upsampleNearest,
  WeightCopies,
} from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectGradients, normal } from "../../../torch/test/support/differences.ts";
import { composed } from "../../src/networks/composed.ts";
import { fused } from "../../src/networks/fused.ts";
import { Encoder, Generator, type Growth, resolutionOf } from "../../src/networks/index.ts";
import { convolutionOfRgb } from "../../src/networks/layers.ts";
import type { Network } from "../../src/networks/network.ts";

// Test files run side by side, and tensors this small are quickest on one thread.
setThreads(1);

const perChannel = (bias: Tensor) => bias.reshape([-1, 1, 1]);
const activate = (x: Tensor) => leakyRelu(x, 0.2);
const pixelNorm = (x: Tensor) => x.div(x.square().mean([1], true).add(1e-8).sqrt());

/** W / sigma after one power iteration from u. */
function spectrallyNormalised(weight: Tensor, u: Tensor): Tensor {
  const matrix = weight.reshape([weight.size(0), -1]);
  const v = matrix.transpose(0, 1).matmul(u);
  const forth = matrix.matmul(v.div(v.square().sum().sqrt()));
  return weight.div(forth.square().sum().sqrt());
}

type Numbers = (name: string) => Tensor;

/** Parameters as float64 leaves; u, which has no gradient, among them. */
function leavesOf(network: Network): Map<string, Tensor> {
  return new Map(
    [...network.tensors()].map(([name, value]) => [name, value.detach().to("float64").clone().requiresGrad_()]),
  );
}

function generate(get: Numbers, { phase, alpha }: Growth, z: Tensor): Tensor {
  const layer = (h: Tensor, name: string, padding: number) => {
    const weight = get(`${name}.weight_orig`);
    const fanIn = weight.length / weight.size(0);
    return activate(
      pixelNorm(conv2d(h, weight.mul(Math.sqrt(2 / fanIn)), null, padding).add(perChannel(get(`${name}.bias`)))),
    );
  };
  const toRgb = (h: Tensor, p: number) => conv2d(h, get(`to_rgb.${p}.weight`), get(`to_rgb.${p}.bias`));
  let h = z.reshape([z.size(0), -1, 1, 1]);
  let before = h;
  for (let p = 0; p <= phase; p++) {
    before = h;
    if (p > 0) h = upsampleNearest(h);
    h = layer(h, `progression.${p}.conv.0.conv`, p === 0 ? 3 : 1);
    h = layer(h, `progression.${p}.conv.3.conv`, 1);
  }
  const image = toRgb(h, phase);
  if (phase === 0 || alpha === 1) return image;
  return upsampleNearest(toRgb(before, phase - 1))
    .mul(1 - alpha)
    .add(image.mul(alpha));
}

function encode(get: Numbers, { phase, alpha }: Growth, x: Tensor): Tensor {
  const index = (p: number) => 8 - p; // blocks are counted from the image side
  const layer = (h: Tensor, name: string, padding: number) => {
    const weight = spectrallyNormalised(get(`${name}.weight_orig`), get(`${name}.weight_u`).detach());
    return activate(conv2d(h, weight, null, padding).add(perChannel(get(`${name}.bias`))));
  };
  const fromRgb = (image: Tensor, p: number) =>
    conv2d(image, get(`from_rgb.${index(p)}.weight`), get(`from_rgb.${index(p)}.bias`));
  let h = fromRgb(x, phase);
  for (let p = phase; p >= 0; p--) {
    h = layer(h, `progression.${index(p)}.conv.0.conv`, 1);
    h = layer(h, `progression.${index(p)}.conv.2.conv`, p === 0 ? 0 : 1);
    if (p > 0) h = avgPool2d(h);
    if (p === phase && p > 0 && alpha < 1) {
      h = fromRgb(avgPool2d(x), p - 1)
        .mul(1 - alpha)
        .add(h.mul(alpha));
    }
  }
  const z = h.reshape([x.size(0), -1]);
  return z.div(z.square().sum([1], true).sqrt());
}

/** Value and gradients, the sum weighted so that none hides another. */
function outcome(f: (inputs: readonly Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor[] {
  const leaves = inputs.map((input) => input.detach().requiresGrad_());
  const y = f(leaves);
  return [y.detach(), ...grad(y, leaves, { gradOutputs: [normal(9, y.shape).to("float32").to(y.dtype)] })];
}

/** Largest difference, relative to the largest expected number. */
const relative = (got: Tensor, expected: Tensor): number =>
  scope(() => {
    expect(got.shape).toEqual(expected.shape);
    const error = got.to("float64").sub(expected.to("float64")).abs().max().item();
    return error / expected.abs().max().item();
  });

/** Euclidean length of the difference, relative to that of the expected. */
const relativeL2 = (got: Tensor, expected: Tensor): number =>
  scope(() => got.to("float64").sub(expected.to("float64")).norm().item() / expected.to("float64").norm().item());

// Float64 rounds by 1.1e-16; thousands of sums and a few cancellations leave twelve digits.
const rounding64 = 1e-12;
const rounding32 = 1e-5;

/** Float32 numbers and the same in float64. */
const inputsOf = (shapes: readonly (readonly number[])[]) => {
  const inputs = shapes.map((shape, i) => normal(20 + i, shape).to("float32"));
  return { inputs, exact: inputs.map((input) => input.to("float64")) };
};

describe("upsampling, 3x3 convolution, PixelNorm and LeakyReLU equal the folded form", () => {
  test.each([
    [[3, 5, 3, 5], 7],
    [[1, 1, 1, 1], 1],
    [[3, 33, 6, 4], 17],
    [[1, 130, 1, 3], 33],
    [[3, 17, 13, 9], 5],
  ] as const)("%j to %i channels", (shape, out) => {
    scope(() => {
      const scale = 0.7;
      const plain = ([weight, bias, x]: readonly Tensor[]) =>
        activate(
          pixelNorm(
            conv2d(upsampleNearest(x as Tensor), (weight as Tensor).mul(scale), null, 1).add(
              perChannel(bias as Tensor),
            ),
          ),
        );
      const folded =
        (passes: typeof fused, dtype: "float32" | "float64") =>
        ([weight, bias, x]: readonly Tensor[]) => {
          const kernel = passes.upsampledKernel(weight as Tensor, scale, dtype);
          return passes.upsampledPixelNormLeakyRelu(passes.upsampledConvolution(x as Tensor, kernel), bias as Tensor);
        };
      const { inputs, exact } = inputsOf([[out, shape[1], 3, 3], [out], shape]);
      // One channel, normed, is its sign: the gradients cancel to nothing, and there is nothing to be relative to.
      const compared = out === 1 ? 1 : 4;
      const expected = outcome(plain, exact);
      const [of64, of32] = [outcome(folded(composed, "float64"), exact), outcome(folded(fused, "float32"), inputs)];
      for (const [i, value] of expected.slice(0, compared).entries()) {
        expect(relative(of64[i] as Tensor, value)).toBeLessThan(rounding64);
        expect(relative(of32[i] as Tensor, value)).toBeLessThan(rounding32);
      }
    });
  });
});

describe("from_rgb followed by a 3x3 convolution equals convolutionOfRgb, borders included", () => {
  test.each([
    [[3, 3, 5, 7], 5, 9],
    [[1, 3, 1, 1], 1, 1],
    [[3, 3, 2, 1], 17, 33],
    [[1, 3, 33, 18], 130, 3],
  ] as const)("%j, %i to %i channels", (shape, channels, out) => {
    scope(() => {
      const plain = ([weight, rgbWeight, rgbBias, x]: readonly Tensor[]) =>
        conv2d(conv2d(x as Tensor, rgbWeight as Tensor, rgbBias as Tensor), weight as Tensor, null, 1);
      const merged =
        (precision: "fp32" | "fp64") =>
        ([weight, rgbWeight, rgbBias, x]: readonly Tensor[]) =>
          convolutionOfRgb(weight as Tensor, rgbWeight as Tensor, rgbBias as Tensor, precision)(x as Tensor);
      const { inputs, exact } = inputsOf([[out, channels, 3, 3], [channels, 3, 1, 1], [channels], shape]);
      const expected = outcome(plain, exact);
      const [of64, of32] = [outcome(merged("fp64"), exact), outcome(merged("fp32"), inputs)];
      for (const [i, value] of expected.entries()) {
        expect(relative(of64[i] as Tensor, value)).toBeLessThan(rounding64);
        expect(relative(of32[i] as Tensor, value)).toBeLessThan(rounding32);
      }
    });
  });

  test("in bfloat16 it is near: three roundings of 2^-8, of the picture, the kernel and the sum", () => {
    scope(() => {
      const { inputs, exact } = inputsOf([[9, 17, 3, 3], [17, 3, 1, 1], [17], [3, 3, 5, 7]]);
      const [weight, rgbWeight, rgbBias, x] = inputs as [Tensor, Tensor, Tensor, Tensor];
      const [w, r, b, image] = exact as [Tensor, Tensor, Tensor, Tensor];
      const y = convolutionOfRgb(weight, rgbWeight, rgbBias, "bf16")(x);
      expect(y.dtype).toBe("bfloat16");
      expect(relative(y, conv2d(conv2d(image, r, b), w, null, 1))).toBeLessThan(3 * 2 ** -8);
    });
  });
});

const size = { latent: 24, channels: 20 };
const growths: Growth[] = [0, 1, 3].flatMap((phase) => [0.3, 1].map((alpha) => ({ phase, alpha })));

/** Biases that are not zero, as after some training. */
function trained<N extends Network>(network: N): N {
  noGrad(() => {
    for (const [i, [name, value]] of [...network.parameters].entries()) {
      if (name.endsWith(".bias"))
        value.copy_(
          normal(100 + i, value.shape)
            .mul(0.3)
            .to("float32"),
        );
    }
  });
  return network;
}

interface Prepared {
  readonly network: Network;
  /** The network as a function of its input, with these passes. */
  readonly run: (passes?: typeof fused) => (input: Tensor) => Tensor;
  /** The same network with float64 parameters. */
  readonly run64: (leaves: Map<string, Tensor>) => { network: Network; f: (input: Tensor) => Tensor };
  readonly textbook: (get: Numbers, growth: Growth, input: Tensor) => Tensor;
  readonly input: Tensor;
}

const networks: Record<"generator" | "encoder", (growth: Growth) => Prepared> = {
  generator: (growth) => {
    const network = trained(Generator.create(size, new RandomGenerator(1)));
    return {
      network,
      run: (passes) => network.prepare(growth, "fp32", "keep", passes),
      run64: (leaves) => {
        const exact = Generator.from(leaves, "");
        return { network: exact, f: exact.prepare(growth, "fp64") };
      },
      textbook: generate,
      input: normal(3, [3, size.latent]).to("float32"),
    };
  },
  encoder: (growth) => {
    const network = trained(Encoder.create(size, new RandomGenerator(2)));
    const resolution = resolutionOf(growth.phase);
    return {
      network,
      run: (passes) => network.prepare(growth, "fp32", "keep", passes),
      run64: (leaves) => {
        const exact = Encoder.from(leaves, "");
        return { network: exact, f: exact.prepare(growth, "fp64", "keep") };
      },
      textbook: encode,
      input: normal(4, [3, 3, resolution, resolution]).mul(0.5).to("float32"),
    };
  },
};

describe.each(["generator", "encoder"] as const)("%s", (which) => {
  /** Value, gradient of the input, gradients of all used parameters by name. */
  function walk(network: Network, growth: Growth, f: (input: Tensor) => Tensor, input: Tensor) {
    const names = [...(network as Generator).used(growth).keys()];
    const leaf = input.detach().requiresGrad_();
    const y = f(leaf);
    const weights = normal(9, y.shape).to("float32").to(y.dtype);
    const parameters = names.map((name) => network.parameter(name));
    const [dInput, ...gradients] = grad(y, [leaf, ...parameters], { gradOutputs: [weights] });
    return {
      y: y.detach(),
      dInput: dInput as Tensor,
      gradients: new Map(names.map((name, i) => [name, gradients[i] as Tensor])),
    };
  }

  test.each(growths)("prepared, it is the textbook's at %j: values and gradients of all used parameters", (growth) => {
    scope(() => {
      const { network, run, run64, textbook, input } = networks[which](growth);
      const leaves = leavesOf(network);
      const exact = run64(leaves);
      const get = (name: string) => exact.network.tensors().get(name) as Tensor;
      const x = input.to("float64");
      const expected = walk(exact.network, growth, (leaf) => textbook(get, growth, leaf), x);

      const in64 = walk(exact.network, growth, exact.f, x);
      expect(relative(in64.y, expected.y)).toBeLessThan(rounding64);
      expect(relativeL2(in64.dInput, expected.dInput)).toBeLessThan(rounding64);
      for (const [name, want] of expected.gradients) {
        expect(relativeL2(in64.gradients.get(name) as Tensor, want), name).toBeLessThan(rounding64);
      }

      for (const [kind, passes] of Object.entries({ fused, composed })) {
        const in32 = walk(network, growth, run(passes), input);
        expect(in32.y.dtype).toBe("float32");
        expect(relative(in32.y, expected.y), kind).toBeLessThan(1e-5);
        expect(relativeL2(in32.dInput, expected.dInput), kind).toBeLessThan(1e-4);
        for (const [name, want] of expected.gradients) {
          const got = in32.gradients.get(name) as Tensor;
          expect(relativeL2(got, want), `${kind}: ${name}`).toBeLessThan(1e-4);
        }
      }
    });
  });

  test("the passes that suit the processor and float32 are the fused ones", () => {
    scope(() => {
      const growth = { phase: 2, alpha: 0.3 };
      const { run, input } = networks[which](growth);
      noGrad(() => expect(run()(input).toFloat32Array()).toEqual(run(fused)(input).toFloat32Array()));
    });
  });
});

test("with copies held between steps the generator gives the same, to the bit, values and gradients", () => {
  scope(() => {
    const growth = { phase: 2, alpha: 0.3 };
    const generator = trained(Generator.create(size, new RandomGenerator(1)));
    const z = normal(3, [3, size.latent]).to("float32");
    const used = [...generator.used(growth).values()];
    for (const precision of ["fp32", "bf16"] as const) {
      const walk = () => {
        const x = generator.prepare(growth, precision, "store")(z);
        return [x, ...grad(x.square().sum(), used)].map((value) => value.toFloat32Array());
      };
      generator.copies?.dispose();
      delete generator.copies;
      const without = walk();
      generator.copies = new WeightCopies();
      expect(walk()).toEqual(without); // made now
      expect(walk()).toEqual(without); // held
      noGrad(() => {
        for (const value of used) value.mul_(1.5);
      });
      const moved = walk();
      generator.copies.dispose();
      delete generator.copies;
      expect(moved).toEqual(walk());
      expect(moved).not.toEqual(without);
      noGrad(() => {
        for (const value of used) value.mul_(0.5);
      });
    }
    generator.dispose();
  });
});

test("evaluation neither uses nor replaces the copies of training, which launched graphs write unseen", () => {
  const growth = { phase: 2, alpha: 0.3 };
  const generator = trained(Generator.create(size, new RandomGenerator(1)));
  const copies = new WeightCopies();
  generator.copies = copies;
  scope(() =>
    noGrad(() => {
      const z = normal(3, [3, size.latent]).to("float32");
      const weights = [...generator.used(growth).values()];
      const held = () => weights.map((weight) => copies.find(weight)?.copy);
      generator.prepare(growth, "bf16", "store")(z);
      const before = held();
      expect(before.filter((copy) => copy !== undefined).length).toBeGreaterThan(0);
      // A graph moves the weights, and their versions stay where the copies know them.
      for (const weight of weights) {
        weight.mul_(1.5);
        copies.written(weight);
      }
      const images = (["fp32", "bf16"] as const).map((precision) => generator.prepare(growth, precision)(z));
      for (const [i, copy] of held().entries()) expect(copy).toBe(before[i]);
      delete generator.copies;
      const expected = (["fp32", "bf16"] as const).map((precision) => generator.prepare(growth, precision)(z));
      expect(images.map((image) => image.toFloat32Array())).toEqual(expected.map((image) => image.toFloat32Array()));
    }),
  );
  copies.dispose();
  generator.dispose();
});

describe("gradient penalty", () => {
  const tiny = { latent: 3, channels: 3 };
  const growth = { phase: 1, alpha: 0.6 };
  const encoder = () => trained(Encoder.create(tiny, new RandomGenerator(5)));
  const pictures = () => normal(6, [1, 3, 8, 8]).mul(0.5);

  test("composed, its gradients are those of finite differences of the first derivative", () => {
    const exact = Encoder.from(
      new Map([...encoder().tensors()].map(([name, value]) => [name, value.detach().to("float64")])),
      "",
    );
    /** |d(w · E(x)) / dx|^2, which is differentiated once more. */
    const penalty = (x: Tensor) => {
      const code = exact.prepare(growth, "fp64", "keep", composed)(x);
      const total = code.mul(normal(7, code.shape)).sum();
      const [slope] = grad(total, [x], { createGraph: true }) as [Tensor];
      return slope.square().sum();
    };
    const x = pictures();
    expectGradients(penalty, [x]);
    // The weights of every kind of layer: of the first convolution, whose input is the picture, a pooled one, the last; of
    // from_rgb, new and old; a bias. Row-major here: the differences write into their memory.
    x.requiresGrad_();
    for (const name of [
      "progression.7.conv.0.conv.weight_orig",
      "progression.7.conv.2.conv.weight_orig",
      "progression.8.conv.2.conv.weight_orig",
      "from_rgb.7.weight",
      "from_rgb.8.weight",
      "progression.8.conv.0.conv.bias",
    ]) {
      const rows = exact.parameter(name).detach().contiguous().clone();
      expectGradients(
        (value) => {
          exact.parameters.set(name, value);
          return penalty(x);
        },
        [rows],
      );
    }
  });

  test("composed, it works in float32 as well; fused, it is refused in one line", () => {
    const network = encoder();
    const x = pictures().to("float32").requiresGrad_();
    const used = [...network.used(growth).values()];
    const penalty = (passes: typeof fused) => {
      const code = network.prepare(growth, "fp32", "keep", passes)(x);
      const [slope] = grad(code.mul(normal(7, code.shape).to("float32")).sum(), [x], { createGraph: true }) as [Tensor];
      return slope.square().sum();
    };
    const weights = used.filter(({ shape }) => shape.length === 4);
    const gradients = grad(penalty(composed), weights);
    for (const gradient of gradients) expect(gradient.norm().item()).toBeGreaterThan(0);
    expect(() => penalty(fused)).toThrow(/^[^\n]*pioneer::\w+ has no second derivative[^\n]*$/);
  });

  test("fused, of the generator as well", () => {
    const generator = trained(Generator.create(tiny, new RandomGenerator(5)));
    const z = normal(6, [2, tiny.latent]).to("float32").requiresGrad_();
    const image = (passes: typeof fused) => generator.prepare(growth, "fp32", "keep", passes)(z).square().sum();
    expect(() => grad(image(fused), [z], { createGraph: true })).toThrow(/has no second derivative/);
    expect((grad(image(composed), [z], { createGraph: true })[0] as Tensor).requiresGrad).toBe(true);
  });
});
