import { gradWhereUsed, noGrad, RandomGenerator, readSafetensors, ShapeError, scope, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { drawLatents } from "../../src/compute/streams.ts";
import { fused } from "../../src/networks/fused.ts";
import {
  Encoder,
  Generator,
  type Growth,
  type NetworkSize,
  pioneerKind,
  resolutionOf,
  width,
} from "../../src/networks/index.ts";
import type { Network } from "../../src/networks/network.ts";
import { fixture } from "../support/fixture.ts";
import { contents, randomImages, tinyLearner, train } from "../support/tiny.ts";

const size = { latent: 8, channels: 6 };
const random = (seed: number) => new RandomGenerator(seed);
const generatorOf = (given: NetworkSize = size) => Generator.create(given, random(1));
const encoderOf = (given: NetworkSize = size) => Encoder.create(given, random(2));

describe("sizes", () => {
  test.each([
    [512, [512, 512, 512, 512, 256, 128, 64, 32, 16]],
    [48, [48, 48, 48, 48, 24, 12, 6, 3, 1]],
    [33, [33, 33, 33, 33, 16, 8, 4, 2, 1]],
    [6, [6, 6, 6, 6, 3, 1, 1, 1, 1]],
  ])("%i channels become %j", (channels, expected) => {
    expect(expected.map((_, phase) => width(channels, phase, pioneerKind))).toEqual(expected);
  });

  test("with a base, layers of r x r pixels are base / r wide, at most as wide as the widest, at least 1", () => {
    const kind = { ...pioneerKind, channelBase: 512 };
    expect(Array.from({ length: 9 }, (_, phase) => width(48, phase, kind))).toEqual([48, 48, 32, 16, 8, 4, 2, 1, 1]);
    const [G, E] = [
      Generator.shapes({ latent: 8, channels: 48 }, kind),
      Encoder.shapes({ latent: 8, channels: 48 }, kind),
    ];
    expect(G.get("to_rgb.4.weight")).toEqual([3, 8, 1, 1]);
    expect(E.get("from_rgb.4.weight")).toEqual([8, 3, 1, 1]);
  });

  test("names and shapes are those of the authors' state dicts", () => {
    const path = fixture("reference/networks.safetensors");
    const { tensors } = readSafetensors(path);
    const theirs = (prefix: string) =>
      [...tensors]
        .filter(([name]) => name.startsWith(prefix) && !name.includes("label_embed"))
        .map(([name, { shape }]) => `${name.slice(prefix.length)} ${shape.join()}`)
        .sort();
    const ours = (network: Network) =>
      [...network.tensors()].map(([name, { shape }]) => `${name} ${shape.join()}`).sort();
    expect(ours(generatorOf({ latent: 32, channels: 32 }))).toEqual(theirs("generator."));
    expect(ours(encoderOf({ latent: 32, channels: 32 }))).toEqual(theirs("encoder."));
  });

  test.each([
    [{ latent: 33, channels: 33 }, 6],
    [{ latent: 48, channels: 48 }, 6],
    [{ latent: 5, channels: 1 }, 3],
  ])("%j: latents of length 1 and images of every phase", (given, lastPhase) => {
    const [generator, encoder] = [generatorOf(given), encoderOf(given)];
    noGrad(() => {
      for (const phase of [0, 1, lastPhase]) {
        scope(() => {
          const growth = { phase, alpha: 0.5 };
          const x = generator.prepare(growth, "fp32")(drawLatents(2, given.latent, random(3)));
          expect(x.shape).toEqual([2, 3, resolutionOf(phase), resolutionOf(phase)]);
          const z = encoder.prepare(growth, "fp32", "keep")(x);
          expect(z.shape).toEqual([2, given.latent]);
          // Division and square root: two float32 roundings of 6e-8, and n terms in the norm.
          for (const norm of z.norm([1]).toFloat32Array()) expect(Math.abs(norm - 1)).toBeLessThan(1e-6);
        });
      }
    });
  });
});

describe("initial weights", () => {
  const large = { latent: 32, channels: 40 };
  const spread = (t: Tensor) => scope(() => Math.sqrt(t.detach().square().mean().item()));
  /** 5 standard errors of a root mean square of `count` normal numbers. */
  const allowed = (deviation: number, count: number) => (5 * deviation) / Math.sqrt(2 * count);

  test("generator: N(0, 1), zero biases, to_rgb uniform in ±1/sqrt(its width)", () => {
    for (const [name, value] of generatorOf(large).parameters) {
      const bound = 1 / Math.sqrt(width(large.channels, Number(name.split(".")[1]), pioneerKind));
      if (name.startsWith("to_rgb")) expect(value.detach().abs().max().item()).toBeLessThanOrEqual(bound);
      else if (name.endsWith("bias")) expect(value.detach().abs().max().item()).toBe(0);
      else expect(Math.abs(spread(value) - 1), name).toBeLessThan(allowed(1, value.length));
    }
  });

  test("encoder: N(0, 2 / fan in), zero biases, from_rgb uniform in ±1/sqrt(3), u a tenth of N(0, 1)", () => {
    const encoder = encoderOf(large);
    for (const [name, value] of encoder.parameters) {
      if (name.startsWith("from_rgb")) {
        expect(value.detach().abs().max().item()).toBeLessThanOrEqual(1 / Math.sqrt(3));
      } else if (name.endsWith("bias")) {
        expect(value.detach().abs().max().item()).toBe(0);
      } else {
        const deviation = Math.sqrt((2 * value.size(0)) / value.length);
        expect(Math.abs(spread(value) - deviation), name).toBeLessThan(allowed(deviation, value.length));
      }
    }
    for (const [name, u] of encoder.u) expect(Math.abs(spread(u) - 0.1), name).toBeLessThan(allowed(0.1, u.length));
  });
});

describe("growth", () => {
  const growths: Growth[] = [
    { phase: 0, alpha: 0.3 },
    { phase: 1, alpha: 0.5 },
    { phase: 2, alpha: 1 },
  ];

  test.each(growths)("only what takes part at %j has a gradient", (growth) => {
    const [generator, encoder] = [generatorOf(), encoderOf()];
    const x = generator.prepare(growth, "fp32")(drawLatents(2, size.latent, random(4)));
    const z = encoder.prepare(growth, "fp32", "keep")(randomImages(2, growth.phase, random(5)));
    for (const [network, out] of [
      [generator, x],
      [encoder, z],
    ] as const) {
      const gradients = gradWhereUsed(out.square().mul(out).sum(), [...network.parameters.values()]);
      const withGradient = [...network.parameters.keys()].filter((_, i) => gradients[i] !== null);
      expect(withGradient).toEqual([...network.used(growth).keys()]);
    }
  });

  test("a training step moves what takes part and nothing else", () => {
    const learner = tinyLearner(size);
    const growth = { phase: 1, alpha: 0.5 };
    const before = contents(learner);
    train(learner, 1, { growth });
    const after = contents(learner);
    for (const network of ["generator", "encoder"] as const) {
      const used = learner[network].used(growth);
      for (const name of learner[network].parameters.keys()) {
        const path = `${network}.${name}`;
        const same = Buffer.compare(bytes(before.get(path)), bytes(after.get(path))) === 0;
        expect(same, path).toBe(!used.has(name));
      }
      expect([...learner.optimisers[network].state.keys()]).toEqual([...used.keys()]);
      // Adam counts updates: one of the encoder, two of the generator.
      const counts = new Set([...learner.optimisers[network].state.values()].map(({ step }) => step));
      expect([...counts]).toEqual([network === "encoder" ? 1 : 2]);
    }
  });

  test("alpha 0 shows the previous phase enlarged, alpha 1 only the new block", () => {
    const generator = generatorOf();
    const encoder = encoderOf();
    noGrad(() => {
      const z = drawLatents(2, size.latent, random(6));
      const at = (phase: number, alpha: number) => generator.prepare({ phase, alpha }, "fp32")(z).toFloat32Array();
      const [small, faint, half, full] = [at(1, 1), at(2, 0), at(2, 0.5), at(2, 1)];
      for (let i = 0; i < faint.length; i++) {
        const [image, y, x] = [Math.floor(i / 256), Math.floor((i % 256) / 16), i % 16];
        expect(faint[i]).toBe(small[image * 64 + Math.floor(y / 2) * 8 + Math.floor(x / 2)]);
        const mean = ((faint[i] as number) + (full[i] as number)) / 2;
        expect(Math.abs((half[i] as number) - mean)).toBeLessThan(1e-5 * Math.max(1, Math.abs(mean)));
      }
      // The encoder at alpha 0 sees only the image of half the size: enlarging it changes nothing but its rounding.
      const x = randomImages(2, 1, random(7));
      const enlarged = x.reshape([2, 3, 8, 1, 8, 1]).expand([2, 3, 8, 2, 8, 2]).reshape([2, 3, 16, 16]);
      const direct = encoder.prepare({ phase: 1, alpha: 1 }, "fp32", "keep")(x).toFloat32Array();
      const through = encoder.prepare({ phase: 2, alpha: 0 }, "fp32", "keep")(enlarged).toFloat32Array();
      expect(worst(direct, through)).toBeLessThan(1e-6);
    });
  });
});

describe("spectral norm's u", () => {
  const growth = { phase: 1, alpha: 1 };
  const inUse = (name: string) => /progression\.[78]\./.test(name); // blocks 1 and 0

  test("training stores the next u of the blocks in use, evaluation none", () => {
    const encoder = encoderOf();
    const numbers = () => new Map([...encoder.u].map(([name, u]) => [name, u.toFloat32Array()]));
    const expected = new Map(
      [...encoder.u].map(([name, u]) => {
        const next = noGrad(() =>
          fused.spectralNorm(encoder.parameter(`${name}.weight_orig`), u, "float32").u.toFloat32Array(),
        );
        return [name, inUse(name) ? next : u.toFloat32Array()];
      }),
    );
    const before = numbers();
    const x = randomImages(2, 1, random(8));
    noGrad(() => encoder.prepare(growth, "fp32", "keep")(x));
    expect(numbers()).toEqual(before);
    noGrad(() => encoder.prepare(growth, "fp32", "store")(x));
    expect(numbers()).toEqual(expected);
  });

  test("a graph still holds the u it began with when u moves on", () => {
    const encoder = encoderOf();
    const x = randomImages(2, 1, random(9));
    const gradients = (moves: number) => {
      const own = Encoder.from(prefixed(encoder, "encoder."), "encoder.");
      const code = own.prepare(growth, "fp32", "store")(x);
      for (let i = 0; i < moves; i++) own.prepare(growth, "fp32", "store");
      const loss = code.square().mul(code).sum();
      return gradWhereUsed(loss, [...own.used(growth).values()]).map((gradient) => gradient?.toFloat32Array());
    };
    expect(gradients(3)).toEqual(gradients(0));
  });
});

describe("loading", () => {
  test("networks made of saved tensors compute the same, to the bit", () => {
    const [generator, encoder] = [generatorOf(), encoderOf()];
    const generator2 = Generator.from(prefixed(generator, "generator."), "generator.");
    const encoder2 = Encoder.from(prefixed(encoder, "e."), "e.");
    const growth = { phase: 2, alpha: 0.7 };
    noGrad(() => {
      const z = drawLatents(3, size.latent, random(10));
      const x = generator.prepare(growth, "fp32")(z);
      expect(generator2.prepare(growth, "fp32")(z).toFloat32Array()).toEqual(x.toFloat32Array());
      const code = encoder.prepare(growth, "fp32", "store")(x);
      expect(encoder2.prepare(growth, "fp32", "store")(x).toFloat32Array()).toEqual(code.toFloat32Array());
    });
    expect(generator2.size).toEqual(size);
    expect(encoder2.size).toEqual(size);
  });

  test("a missing tensor and one of another shape are named", () => {
    const tensors = prefixed(generatorOf(), "generator.");
    const name = "generator.progression.4.conv.3.conv.bias";
    const lacking = new Map(tensors);
    lacking.delete(name);
    expect(() => Generator.from(lacking, "generator.")).toThrow(new ShapeError(`the tensor ${name} is missing`));
    const reshaped = new Map(tensors).set(name, (tensors.get(name) as Tensor).detach().reshape([3, 1]));
    expect(() => Generator.from(reshaped, "generator.")).toThrow(
      new ShapeError(`${name}: expected shape [3], got [3, 1]`),
    );
  });
});

describe("bf16", () => {
  const wide = { latent: 32, channels: 32 };

  test("stays close to fp32", () => {
    const [generator, encoder] = [generatorOf(wide), encoderOf(wide)];
    const growth = { phase: 3, alpha: 0.5 };
    noGrad(() => {
      const z = drawLatents(8, wide.latent, random(11));
      const images = (precision: "fp32" | "bf16") => generator.prepare(growth, precision)(z);
      const x = images("fp32");
      const codes = (precision: "fp32" | "bf16") => encoder.prepare(growth, precision, "keep")(x).toFloat32Array();
      const [image, code] = [
        relative(x.toFloat32Array(), images("bf16").toFloat32Array()),
        relative(codes("fp32"), codes("bf16")),
      ];
      // Roundings of 2^-9/sqrt(3) = 1.1e-3: in each of the generator's 8 layers about 5 (weight, convolution, norm,
      // quotient, activation), in the encoder's about 3; as independent errors sqrt(43) and sqrt(27) times that, 0.0074
      // and 0.0058. Measured 0.0097 and 0.0045; allowed is three times the estimate. Below 1e-4 it would not be bf16.
      expect(image).toBeLessThan(0.022);
      expect(code).toBeLessThan(0.017);
      expect(Math.min(image, code)).toBeGreaterThan(1e-4);
    });
  });
});

const bytes = (array: Float32Array | undefined) => Buffer.from((array as Float32Array).buffer);
const prefixed = (network: Network, prefix: string) =>
  new Map([...network.tensors()].map(([name, value]) => [prefix + name, value]));
const worst = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
const relative = (a: Float32Array, b: Float32Array) => {
  const norm = (of: (i: number) => number) => Math.sqrt(a.reduce((sum, _, i) => sum + of(i) ** 2, 0));
  return norm((i) => (a[i] as number) - (b[i] as number)) / norm((i) => a[i] as number);
};
