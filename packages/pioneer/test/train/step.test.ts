import { cat, grad, memory, noGrad, RandomGenerator, scope, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018 } from "../../src/config/recipe.ts";
import { disposeLearner, type Learner } from "../../src/learner/learner.ts";
import { klToPrior, l1 } from "../../src/losses/index.ts";
import { fused } from "../../src/networks/fused.ts";
import type { Growth } from "../../src/networks/index.ts";
import { type Age, ageObjective } from "../../src/objectives/index.ts";
import { readLosses } from "../../src/train/loss-ring.ts";
import { type StepObserver, trainStep } from "../../src/train/step.ts";
import { contents, randomImages, tinyLearner, train } from "../support/tiny.ts";

describe("encoder order", () => {
  test("one batch of real and fake images and one after the other agree when u is held, in float64", () => {
    const learner = tinyLearner();
    const growth: Growth = { phase: 2, alpha: 0.4 };
    const random = new RandomGenerator(4);
    const [x, fake] = [randomImages(6, 2, random), randomImages(6, 2, random)];
    const { encoder } = learner;
    const used = [...encoder.used(growth).values()];
    const G = noGrad(() => learner.generator.prepare(growth, "fp64"));
    const encoderLoss = (real: Tensor, generated: Tensor) => {
      const kl = klToPrior(real).sub(klToPrior(generated)).mul(0.1);
      return kl.add(l1(G(real), x));
    };
    const E = encoder.prepare(growth, "fp64", "keep");
    const both = E(cat([x, fake]));
    const joint = encoderLoss(both.narrow(0, 0, 6), both.narrow(0, 6, 6));
    const apart = encoderLoss(E(x), E(fake));
    // The same sums in another order: a few thousand float64 roundings of numbers of size 1.
    expect(Math.abs(joint.item() - apart.item())).toBeLessThan(1e-12);
    const gradients = grad([joint, apart], used, { retainGraph: true }).length;
    expect(gradients).toBe(used.length);
    const [one, other] = [grad(joint, used, { retainGraph: true }), grad(apart, used)];
    for (const [i, gradient] of one.entries()) {
      const expected = other[i] as Tensor;
      // Weights are kept in float32, and so are their gradients: 2^-24 of the largest, some roundings of it.
      const allowed = 1e-6 * expected.abs().max().item();
      expect(gradient.sub(expected).abs().max().item()).toBeLessThanOrEqual(allowed);
    }
  });

  test.each([
    ["joint", 3],
    ["authors", 4],
  ] as const)("%s moves u %i times in an iteration", (encoderOrder, times) => {
    const learner = tinyLearner();
    const growth: Growth = { phase: 1, alpha: 1 };
    const name = "progression.7.conv.2.conv";
    const weight = () => learner.encoder.parameter(`${name}.weight_orig`).detach();
    // The encoder moves once, after its own forwards; the generator's updates see the new weight.
    let u = (learner.encoder.u.get(name) as Tensor).clone();
    const old = weight().clone();
    train(learner, 1, { growth, encoderOrder });
    for (let i = 0; i < times; i++) u = fused.spectralNorm(i < times - 2 ? old : weight(), u, "float32").u;
    expect(learner.encoder.u.get(name)?.toFloat32Array()).toEqual(u.toFloat32Array());
  });
});

describe("a step", () => {
  const objective = ageObjective(accv2018);
  const observed = (growth: Growth, learner: Learner = tinyLearner()) => {
    const seen: string[] = [];
    const fakes: Float32Array[] = [];
    const observer: StepObserver<Age> = {
      update({ network, gradients, values }) {
        seen.push(`${network} before`);
        if ("fake" in values) fakes.push(values.fake.toFloat32Array());
        expect([...gradients.keys()]).toEqual([...learner[network].used(growth).keys()]);
      },
      updated: (network) => seen.push(`${network} after`),
    };
    const random = new RandomGenerator(6);
    const latents = () => drawLatents(4, 8, random);
    const [zEncoder, zGenerator] = [latents(), [latents(), latents()]];
    const made = noGrad(() => learner.generator.prepare(growth, "fp32")(zEncoder).toFloat32Array());
    const losses = scope(() => {
      const inputs = {
        x: randomImages(4, growth.phase, random),
        zEncoder,
        zGenerator,
        trades: learner.pool.draw(4, random),
      };
      const settings = { growth, precision: "fp32", encoderOrder: "authors" } as const;
      return readLosses(trainStep(objective, learner, inputs, settings, observer));
    });
    return { learner, seen, fakes, made, losses };
  };

  test("updates the encoder once, then the generator twice", () => {
    const { seen } = observed({ phase: 1, alpha: 1 });
    const update = (network: string) => [`${network} before`, `${network} after`];
    expect(seen).toEqual([...update("encoder"), ...update("generator"), ...update("generator")]);
  });

  test("the totals are the weighted sums of their terms, with 1 or 1.5 for the images", () => {
    for (const [alpha, xScale] of [
      [0.5, 1],
      [1, 1.5],
    ] as const) {
      const { losses } = observed({ phase: 1, alpha });
      const value = (name: string) => losses[name] ?? Number.NaN;
      const encoder = 0.1 * (value("klReal") - value("klFake")) + xScale * value("xRecon");
      expect(Math.abs(value("encoder") - encoder)).toBeLessThan(1e-6); // float32 numbers of size 1
      const generator = 0.1 * value("klGenerated") + 100 * value("zRecon");
      expect(Math.abs(value("generator") - generator)).toBeLessThan(5e-5); // of size 200
    }
  });

  test("fakes go through the image pool only once a block is faded in", () => {
    const fading = observed({ phase: 1, alpha: 0.999 });
    expect(fading.learner.pool.count).toBe(0);
    const stable = tinyLearner();
    stable.pool.capacity = 2;
    const first = observed({ phase: 1, alpha: 1 }, stable);
    expect(stable.pool.count).toBe(2);
    expect(first.fakes[0]?.subarray(0, 2 * 192)).toEqual(first.made.subarray(0, 2 * 192));
  });

  test("bf16 trains as fp32 does: ten steps from the same start stay together", () => {
    const errorsOf = (precision: "fp32" | "bf16") => {
      const errors: number[] = [];
      const growth: Growth = { phase: 2, alpha: 1 };
      train(tinyLearner({ latent: 16, channels: 16 }), 10, { growth, precision }, (losses) => {
        errors.push(readLosses(losses).xRecon ?? Number.NaN);
      });
      return errors;
    };
    const [exact, short] = [errorsOf("fp32"), errorsOf("bf16")];
    // One pass through both networks is 1 % apart (networks.test.ts), and the signs of small gradients differ.
    for (const [i, error] of exact.entries()) expect(Math.abs((short[i] as number) / error - 1)).toBeLessThan(0.03);
    expect(short).not.toEqual(exact);
  });
});

test("memory is flat over 300 steps: the same tensors after each, and no growth of the process", () => {
  const learner = tinyLearner({ latent: 16, channels: 16 });
  learner.pool.capacity = 32;
  const [batch, steps, settled] = [16, 300, 50];
  const growth: Growth = { phase: 1, alpha: 1 };
  // JavaScript's own heap grows to its usual size in the first thousand steps; what libtorch holds is the rest.
  const outsideHeap = () => process.memoryUsage().rss - process.memoryUsage().heapTotal;
  const before = { tensors: 0, bytes: 0, outside: 0 };
  train(learner, steps, { growth, batch }, (losses, step) => {
    readLosses(losses);
    const now = memory();
    if (step === settled) Object.assign(before, now, { outside: outsideHeap() });
    if (step > settled) expect(now).toEqual({ tensors: before.tensors, bytes: before.bytes });
  });
  // Less than one activation of the newest block lost in each step: 250 * [16, 16, 8, 8] * 4 bytes, 16 MiB. 5 MiB up and
  // down were measured, and over 9,000 steps no trend.
  const lost = (steps - settled) * batch * 16 * 8 * 8 * 4;
  expect(outsideHeap() - before.outside).toBeLessThan(lost);
});

test("a learner that is disposed of leaves no tensor behind", () => {
  const before = memory();
  scope(() => {
    const learner = tinyLearner();
    train(learner, 2, { growth: { phase: 1, alpha: 1 } });
    disposeLearner(learner);
  });
  expect(memory()).toEqual(before);
});

test("the same seed gives the same learner after some steps, to the bit", () => {
  const run = () => {
    const learner = tinyLearner();
    train(learner, 5, { growth: { phase: 2, alpha: 1 } });
    return contents(learner);
  };
  expect(run()).toEqual(run());
});
