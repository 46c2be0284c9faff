import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keep, memory, noGrad, RandomGenerator, scope, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { expectClose, f64 } from "../../../torch/test/support/close.ts";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { readCheckpoint, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { type CheckpointState, stateText } from "../../src/checkpoint/state.ts";
import { drawLatents } from "../../src/compute/streams.ts";
import {
  type AgeRecipe,
  accv2018,
  balanced,
  cycle,
  decayOf,
  gan,
  type Recipe,
  recipeOf,
  recipes,
} from "../../src/config/recipe.ts";
import { disposeLearner, type Learner } from "../../src/learner/learner.ts";
import { cosineMismatch, klToPrior, l1 } from "../../src/losses/index.ts";
import { fused } from "../../src/networks/fused.ts";
import type { Growth } from "../../src/networks/index.ts";
import { encoderTotal } from "../../src/objectives/age.ts";
import { objectiveOf } from "../../src/objectives/index.ts";
import { criticTotal } from "../../src/objectives/wgan.ts";
import { readLosses } from "../../src/train/loss-ring.ts";
import { type StepObserver, trainStep } from "../../src/train/step.ts";
import { facts } from "../checkpoint/support.ts";
import { contents, randomImages, tinyLearner, train } from "../support/tiny.ts";

const size = { latent: 8, channels: 6 };
const folder = temporaryFolder();
const scalar = (value: number) => f64([value], []);

describe("the encoder's total, by hand in float64", () => {
  const terms = { klReal: scalar(2), klFake: scalar(5), xRecon: scalar(0.3) };
  const total = (options: object, growth: Growth, margin: number) =>
    encoderTotal({ ...balanced, ...options }, terms, growth, margin);

  test("without a margin: the plain sum, the image error times 1 while fading and 1.5 after", () => {
    expectClose(total({}, { phase: 2, alpha: 0.5 }, 0), [0.1 * (2 - 5) + 0.3], 1e-15);
    expectClose(total({}, { phase: 2, alpha: 1 }, 0), [0.1 * (2 - 5) + 0.45], 1e-15);
  });

  test("a margin bounds the KL terms from below, and only from below", () => {
    const growth = { phase: 2, alpha: 1 };
    expectClose(total({}, growth, 0.2), [-0.2 + 0.45], 1e-15);
    expectClose(total({}, growth, 0.4), [-0.3 + 0.45], 1e-15);
    const worse = { ...terms, klReal: scalar(9) };
    expectClose(encoderTotal(balanced, worse, growth, 0.2), [0.1 * (9 - 5) + 0.45], 1e-15);
  });

  test("realm adds the KL of real codes once more, where there is a margin", () => {
    const growth = { phase: 2, alpha: 1 };
    expectClose(total({ realm: true }, growth, 0.2), [-0.2 + 0.45 + 0.2], 1e-15);
    expectClose(total({ realm: true }, growth, 0), [-0.3 + 0.45], 1e-15);
  });

  test("boostreco raises the image error from phase 5 on", () => {
    const boosted = (growth: Growth) => total({ boostreco: 0.4 }, growth, 0);
    expectClose(boosted({ phase: 4, alpha: 0.9 }), [-0.3 + 0.3], 1e-15);
    expectClose(boosted({ phase: 5, alpha: 0.5 }), [-0.3 + 0.3 * (1 + 0.5 * 0.4)], 1e-15);
    expectClose(boosted({ phase: 6, alpha: 1 }), [-0.3 + 0.45 * (1 + 2 * 0.4)], 1e-15);
  });
});

test("the discriminator's total, by hand in float64", () => {
  const terms = {
    scoreReal: scalar(0.7),
    scoreFake: scalar(-0.2),
    drift: scalar(3),
    gradientPenalty: scalar(0.05),
  };
  expectClose(criticTotal(gan, terms), [-0.7 + 0.001 * 3 - 0.2 + 10 * 0.05], 1e-15);
});

test("a configuration sets only what it gives", () => {
  for (const [name, recipe] of Object.entries(recipes)) {
    expect(recipeOf({ recipe: name as keyof typeof recipes })).toEqual(recipe);
  }
  const set = { generatorSteps: 2, klDirection: "pq", xMismatch: "L2", zMismatch: "L1", boostreco: 1 } as const;
  expect(recipeOf({ ...set, recipe: "balanced", realm: true })).toEqual({ ...balanced, ...set, realm: true });
  expect(recipeOf({ recipe: "cycle", emaDecay: 0.98 })).toEqual({ ...cycle, ema: { decay: 0.98 } });
  expect(balanced).toMatchObject({ generatorSteps: 1, adam: { beta1: 0, beta2: 0.9 }, klScale: 0.1, zScale: 100 });
  expect(gan).toMatchObject({ generatorSteps: 2, adam: { beta1: 0, beta2: 0.99 }, driftScale: 0.001 });
});

/** One step that is watched. */
function observed(recipe: Recipe, growth: Growth, margin = 0) {
  const learner = tinyLearner(size, 0, recipe);
  const random = new RandomGenerator(3);
  const z = () => drawLatents(4, size.latent, random);
  const inputs = {
    x: randomImages(4, growth.phase, random),
    zEncoder: z(),
    zGenerator: Array.from({ length: recipe.generatorSteps }, z),
    trades: learner.pool.draw(4, random),
    blend: f64([0.1, 0.4, 0.7, 0.9], [4, 1, 1, 1]).to("float32"),
  };
  const seen: string[] = [];
  const values: Record<string, Tensor> = {};
  const observer: StepObserver = {
    update({ network, values: met }) {
      seen.push(network);
      for (const [name, value] of Object.entries(met)) values[name] = keep(value.detach().to("float64"));
    },
    updated: () => {},
  };
  const settings = { growth, precision: "fp32", encoderOrder: "authors", margin } as const;
  const losses = readLosses(trainStep(objectiveOf(recipe), learner, inputs, settings, observer));
  return { learner, losses, seen, values, inputs };
}

describe("a step of balanced", () => {
  test("one generator update; its losses are those of its codes and images", () => {
    scope(() => {
      const growth = { phase: 1, alpha: 1 };
      const { losses, seen, values, inputs } = observed(balanced, growth, 0.01);
      expect(seen).toEqual(["encoder", "generator"]);
      const of = (name: string) => values[name] as Tensor;
      // Float32: means of some 100 numbers of size 1, and a logarithm.
      const allowed = 1e-5;
      const klReal = klToPrior(of("real")).item();
      const klFake = klToPrior(of("generated")).item();
      const xRecon = l1(of("reconstruction"), inputs.x.to("float64")).item();
      expect(Math.abs((losses.klReal as number) - klReal)).toBeLessThan(allowed);
      expect(Math.abs((losses.klFake as number) - klFake)).toBeLessThan(allowed);
      expect(Math.abs((losses.xRecon as number) - xRecon)).toBeLessThan(allowed);
      const expected = Math.max(-0.01, 0.1 * (klReal - klFake)) + 1.5 * xRecon;
      expect(Math.abs((losses.encoder as number) - expected)).toBeLessThan(allowed);
      const generator = 0.1 * (losses.klGenerated as number) + 100 * (losses.zRecon as number);
      expect(Math.abs((losses.generator as number) - generator)).toBeLessThan(5e-5); // of size 200
    });
  });

  test.each([
    [1, 3],
    [2, 4],
  ])(
    "with %i generator steps G's u moves %i times, at each of G's forwards; the average has the same",
    (steps, times) => {
      const learner = tinyLearner(size, 0, { ...balanced, generatorSteps: steps });
      const name = "progression.1.conv.2.conv";
      const weight = () => learner.generator.parameter(`${name}.weight_orig`).detach().clone();
      const old = weight();
      let u = (learner.generator.u.get(name) as Tensor).clone();
      // The last of two updates sees the weight that the first one moved: learned by doing the step with one.
      const first = tinyLearner(size, 0, { ...balanced, generatorSteps: 1 });
      train(first, 1, { growth: { phase: 1, alpha: 1 } });
      train(learner, 1, { growth: { phase: 1, alpha: 1 } });
      const moved = first.generator.parameter(`${name}.weight_orig`).detach().clone();
      for (let i = 0; i < times; i++) u = fused.spectralNorm(i < 3 ? old : moved, u, "float32").u;
      expect(learner.generator.u.get(name)?.toFloat32Array()).toEqual(u.toFloat32Array());
      expect(learner.generatorEma.u.get(name)?.toFloat32Array()).toEqual(u.toFloat32Array());
    },
  );
});

describe("a step of cycle", () => {
  /** Float32: means of some 100 numbers of size 1. */
  const allowed = 1e-5;

  const sharpened = recipeOf({ recipe: "cycle", sharpen: true }) as AgeRecipe;

  test.each([
    [0.5, "cycle", cycle],
    [1, "cycle", cycle],
    [0.5, "cycle --sharpen", sharpened],
    [1, "cycle --sharpen", sharpened],
  ] as const)("alpha %d, %s: both networks learn both ways round, each term with its weight", (alpha, _, recipe) => {
    scope(() => {
      const { losses, seen, values, inputs } = observed(recipe, { phase: 1, alpha }, recipe.margin);
      expect(seen).toEqual(["encoder", "generator", "generator", "generator"]);
      const of = (name: string) => values[name] as Tensor;
      const loss = (name: string) => losses[name] as number;
      const x = inputs.x.to("float64");
      const [klReal, klFake] = [klToPrior(of("real")).item(), klToPrior(of("generated")).item()];
      const xRecon = l1(of("reconstruction"), x).item();
      const inverted = cosineMismatch(of("inverted"), inputs.zEncoder.to("float64")).item();
      expect(Math.abs(loss("zReconOfEncoder") - inverted)).toBeLessThan(allowed);
      /** The KL of reconstructions as it was logged, compared with that of their codes; 0 where they are no fakes. */
      const klOf = (codes: string, name: string) => {
        if (recipe === cycle) return 0;
        const kl = klToPrior(of(codes)).item();
        expect(Math.abs(loss(name) - kl)).toBeLessThan(allowed);
        return kl;
      };
      const against = (fakes: number) => Math.max(-0.05, 0.1 * (klReal - fakes));
      // Reconstructions are told from images for half the price of samples, up to the same margin.
      const judged = klOf("judgedReconstruction", "klReconstruction");
      const kl = against(klFake) + (recipe === cycle ? 0 : 0.5 * against(judged)) + 0.1 * klReal;
      const encoder = kl + (alpha < 1 ? 1 : 1.5) * xRecon + 10 * inverted;
      expect(Math.abs(loss("encoder") - encoder)).toBeLessThan(1e-4); // of size 20
      const xReconOfGenerator = l1(of("regenerated"), x).item();
      expect(Math.abs(loss("xReconOfGenerator") - xReconOfGenerator)).toBeLessThan(allowed);
      const kls = 0.1 * (loss("klGenerated") + klOf("reconstructed", "klReconstructionOfGenerator"));
      const generator = kls + 100 * loss("zRecon") + xReconOfGenerator;
      expect(Math.abs(loss("generator") - generator)).toBeLessThan(1e-4); // of size 200
    });
  });

  test("where the pool swapped images, E inverts those that were made, not those that came back", () => {
    scope(() => {
      const { values } = observed(cycle, { phase: 1, alpha: 1 });
      expect((values.fake as Tensor).shape).toEqual([4, 3, 8, 8]);
      expect((values.inverted as Tensor).shape).toEqual([4, size.latent]);
    });
  });

  test("both averages move by the decay of the images shown", () => {
    const learner = tinyLearner(size, 0, cycle);
    const name = "progression.8.conv.2.conv.weight_orig";
    const [average, network] = [learner.encoderEma, learner.encoder].map((each) => each?.parameter(name) as Tensor);
    const before = average?.toFloat32Array() as Float32Array;
    // The first step forgets the random start at once: a half-life of 3 % of 4 images.
    train(learner, 1, { growth: { phase: 0, alpha: 1 } });
    const [after, raw] = [average?.toFloat32Array(), network?.toFloat32Array()] as [Float32Array, Float32Array];
    const stays = decayOf(cycle.ema, 0, 4);
    for (const [i, value] of after.entries()) {
      const expected = stays * (before[i] as number) + (1 - stays) * (raw[i] as number);
      expect(Math.abs(value - expected)).toBeLessThan(1e-6);
    }
  });
});

test("the decay of an average that follows the run: half of it is renewed over its share of the images", () => {
  expect(decayOf({ decay: 0.999 }, 5000, 64)).toBe(0.999);
  expect(decayOf({ halfLifeShare: 0.03 }, 0, 64)).toBeCloseTo(0.5 ** (1 / 0.03), 15);
  // From 100,000 to 103,000 images, 3 % of what is shown, about half stays.
  let stays = 1;
  for (let shown = 100_000; shown < 103_000; shown += 100) stays *= decayOf({ halfLifeShare: 0.03 }, shown, 100);
  expect(Math.abs(stays - 0.5)).toBeLessThan(0.011); // the share grows by 3 % on the way
});

describe("a step of gan", () => {
  test("its losses are those of its scores; fakes do not go through the pool", () => {
    scope(() => {
      const { learner, losses, seen, values } = observed(gan, { phase: 1, alpha: 1 });
      expect(seen).toEqual(["encoder", "generator", "generator"]);
      expect(Object.keys(losses)).toEqual([
        "scoreReal",
        "scoreFake",
        "drift",
        "gradientPenalty",
        "critic",
        "scoreGenerated",
        "generator",
      ]);
      expect(learner.pool.count).toBe(0);
      const mean = (name: string, f = (t: Tensor) => t) =>
        f(values[name] as Tensor)
          .mean()
          .item();
      const expected = {
        scoreReal: mean("real"),
        scoreFake: mean("generated"),
        drift: mean("real", (t) => t.square()),
        scoreGenerated: mean("score"),
        generator: -mean("score"),
      };
      // Float32: means of four numbers of size 1.
      for (const [name, value] of Object.entries(expected)) {
        expect(Math.abs((losses[name] as number) - value), name).toBeLessThan(1e-6);
      }
      const { scoreReal = 0, scoreFake = 0, drift = 0, gradientPenalty = 0, critic = 0 } = losses;
      const total = scoreFake - scoreReal + 0.001 * drift + 10 * gradientPenalty;
      expect(Math.abs(critic - total)).toBeLessThan(1e-5); // of size 10
    });
  });

  test("the penalty is taken between real and generated images, each image at its own place", () => {
    scope(() => {
      const { values, inputs } = observed(gan, { phase: 1, alpha: 0.5 });
      const [x, fake] = [inputs.x.to("float64"), values.fake as Tensor];
      const expected = x.mul(inputs.blend.to("float64")).add(fake.mul(inputs.blend.to("float64").mul(-1).add(1)));
      // Float32 numbers of size 1, three roundings.
      expect((values.middle as Tensor).sub(expected).abs().max().item()).toBeLessThan(1e-6);
    });
  });

  test.each([
    ["authors", 5],
    ["joint", 4],
  ] as const)("%s moves D's u %i times", (encoderOrder, times) => {
    const learner = tinyLearner(size, 0, gan);
    const name = "progression.7.conv.2.conv";
    const weight = () => learner.encoder.parameter(`${name}.weight_orig`).detach();
    let u = (learner.encoder.u.get(name) as Tensor).clone();
    const old = weight().clone();
    train(learner, 1, { growth: { phase: 1, alpha: 1 }, encoderOrder });
    for (let i = 0; i < times; i++) u = fused.spectralNorm(i < times - 2 ? old : weight(), u, "float32").u;
    const got = learner.encoder.u.get(name)?.toFloat32Array() as Float32Array;
    // The penalty's is composed of operators: other sums, and vectors of length 1.
    for (const [i, value] of u.toFloat32Array().entries()) {
      expect(Math.abs((got[i] as number) - value)).toBeLessThan(1e-6);
    }
  });

  test("the unused label of the head does not move", () => {
    const learner = tinyLearner(size, 0, gan);
    const before = learner.encoder.parameter("linear.weight").toFloat32Array();
    train(learner, 2, { growth: { phase: 0, alpha: 1 } });
    const after = learner.encoder.parameter("linear.weight").toFloat32Array();
    expect(after.subarray(size.latent)).toEqual(before.subarray(size.latent));
    for (let i = 0; i < size.latent; i++) expect(after[i]).not.toBe(before[i]);
  });

  test("bf16 keeps the penalty in float32", () => {
    const penalty = (precision: "fp32" | "bf16") => {
      const seen: number[] = [];
      train(tinyLearner(size, 0, gan), 1, { growth: { phase: 1, alpha: 1 }, precision }, (losses) =>
        seen.push(readLosses(losses).gradientPenalty as number),
      );
      return seen[0] as number;
    };
    const [exact, short] = [penalty("fp32"), penalty("bf16")];
    // Only the generated images it is taken at differ, by the roundings of 2^-9 of six layers.
    expect(Math.abs(short / exact - 1)).toBeLessThan(0.02);
  });
});

/** Narrow where the recipes are wide: 4 channels at 4x4, 2 at 8x8, 1 at 16x16. */
const narrow = recipeOf({ recipe: "cycle", channelProfile: 16 });

describe.each([...Object.entries(recipes), ["cycle", narrow] as const])("%s", (name, recipe) => {
  const growths: Growth[] = [
    { phase: 0, alpha: 1 },
    { phase: 1, alpha: 0.5 },
    { phase: 2, alpha: 1 },
  ];

  test.each(growths)("a step at %j moves every parameter that takes part and no other", (growth) => {
    const learner = tinyLearner(size, 0, recipe);
    const before = contents(learner);
    train(learner, 1, { growth, margin: 0.05 });
    const after = contents(learner);
    for (const network of ["generator", "encoder"] as const) {
      const used = learner[network].used(growth);
      expect(used.size).toBeGreaterThan(0);
      for (const parameter of learner[network].parameters.keys()) {
        const path = `${network}.${parameter}`;
        const isSame = after.get(path)?.every((value, i) => value === before.get(path)?.[i]);
        expect(isSame, path).toBe(!used.has(parameter));
      }
    }
  });

  test("a checkpoint holds all of it: 4 steps are 2, written, read and 2 more, to the bit", () => {
    const steps = (learner: Learner, seed: number) => {
      train(learner, 2, { growth: { phase: 1, alpha: 1 }, seed, margin: 0.05 });
      return learner;
    };
    const whole = steps(steps(tinyLearner(size, 0, recipe), 1), 2);
    const half = steps(tinyLearner(size, 0, recipe), 1);
    const path = writeCheckpoint(folder, half, { ...facts(), recipe: name });
    const { learner, state } = readCheckpoint(path, recipe, 0.001);
    expect(state.networks).toEqual(recipe.networks);
    expect(contents(learner)).toEqual(contents(half));
    expect(contents(steps(learner, 2))).toEqual(contents(whole));
    for (const each of [whole, half, learner]) disposeLearner(each);
  });
});

test.each(Object.entries(recipes))("%s: steps leave no tensor behind", (_, recipe) => {
  const learner = tinyLearner(size, 0, recipe);
  learner.pool.capacity = 4;
  const seen: object[] = [];
  train(learner, 12, { growth: { phase: 1, alpha: 1 }, margin: 0.05 }, (losses, step) => {
    readLosses(losses);
    if (step >= 4) seen.push(memory());
  });
  for (const now of seen) expect(now).toEqual(seen[0]);
});

test("a checkpoint written before there were kinds of networks is one of the published PIONEER", () => {
  const learner = tinyLearner(size);
  const path = writeCheckpoint(folder, learner, facts(2_000_000));
  const { digest: _, networks, ...older } = JSON.parse(readFileSync(join(path, "state.json"), "utf8"));
  expect(networks).toEqual(accv2018.networks);
  writeFileSync(join(path, "state.json"), stateText(older as CheckpointState));
  const read = readCheckpoint(path, accv2018, 0.001);
  expect(read.state.networks).toEqual(accv2018.networks);
  expect(contents(read.learner)).toEqual(contents(learner));
});

test("the average of a spectral generator makes its own images, and making them moves nothing", () => {
  const learner = tinyLearner(size, 0, balanced);
  train(learner, 3, { growth: { phase: 1, alpha: 1 } });
  const before = contents(learner);
  noGrad(() =>
    scope(() => {
      const z = drawLatents(2, size.latent, new RandomGenerator(5));
      const images = learner.generatorEma.prepare({ phase: 1, alpha: 1 }, "fp32")(z);
      expect(images.shape).toEqual([2, 3, 8, 8]);
      expect(images.isFinite().all().item()).toBe(1);
    }),
  );
  expect(contents(learner)).toEqual(before);
});
