// Steps behind CapturedSteps, on the CPU: the recorder here does the work anew at each launch, so this shows that a
// recorded step needs nothing but its own inputs, not that CUDA can record it.
import { RandomGenerator, rand, scope, type Tensor, TorchError } from "pioneer-torch";
import { expect, test } from "vitest";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018, balanced, gan } from "../../src/config/recipe.ts";
import type { Learner } from "../../src/learner/learner.ts";
import type { Growth } from "../../src/networks/index.ts";
import type { StepInputs, StepLosses, StepSettings } from "../../src/objectives/index.ts";
import { CapturedSteps, type Recorded } from "../../src/train/captured-steps.ts";
import { trainStep } from "../../src/train/step.ts";
import { contents, randomImages, tinyLearner } from "../support/tiny.ts";

const settingsAt = (growth: Growth): StepSettings => ({
  growth,
  precision: "fp32",
  encoderOrder: "joint",
  reduce: (mean) => mean,
});

const reading = (losses: StepLosses) =>
  Object.fromEntries(Object.entries(losses).map(([name, value]) => [name, value.item()]));

function steps(
  learner: Learner,
  growths: readonly Growth[],
  step: (inputs: StepInputs, settings: StepSettings) => StepLosses,
  batchAt: (step: number) => number = () => 4,
) {
  const random = new RandomGenerator(1);
  return growths.map((growth, i) =>
    scope(() => {
      const batch = batchAt(i);
      const z = () => drawLatents(batch, 8, random);
      const inputs: StepInputs = {
        x: randomImages(batch, growth.phase, random),
        zEncoder: z(),
        zGenerator: Array.from({ length: learner.recipe.generatorSteps }, z),
        ...(learner.recipe === gan
          ? { blend: rand([batch, 1, 1, 1], random) }
          : { trades: learner.pool.draw(batch, random) }),
      };
      return reading(step(inputs, settingsAt(growth)));
    }),
  );
}

function recorder() {
  const counts = { recorded: 0, replayed: 0, disposed: 0 };
  const record = (work: () => void): Recorded => {
    counts.recorded++;
    return {
      replay() {
        counts.replayed++;
        work();
      },
      dispose: () => void counts.disposed++,
    };
  };
  return { counts, record };
}

const stable: Growth = { phase: 1, alpha: 1 };

test.each([["accv2018", accv2018] as const, ["gan", gan] as const])(
  "recorded steps of %s are the same steps, to the bit",
  (_, recipe) => {
    const [plain, learner] = [tinyLearner(undefined, 0, recipe), tinyLearner(undefined, 0, recipe)];
    for (const each of [plain, learner]) each.pool.capacity = 8;
    const { counts, record } = recorder();
    const captured = new CapturedSteps(learner, () => undefined, record);
    const growths = Array<Growth>(10).fill(stable);
    const losses = steps(learner, growths, (inputs, settings) => captured.run(inputs, settings));
    expect(losses).toEqual(steps(plain, growths, (inputs, settings) => trainStep(plain, inputs, settings)));
    expect(contents(learner)).toEqual(contents(plain));
    // Two steps fill the pool of eight; three warm up.
    expect(counts).toEqual({ recorded: 1, replayed: recipe === gan ? 7 : 5, disposed: 0 });
  },
);

test("fading steps are never recorded, and another kind of step ends a recording", () => {
  const learner = tinyLearner();
  learner.pool.capacity = 4;
  const { counts, record } = recorder();
  const captured = new CapturedSteps(learner, () => undefined, record);
  const run = (inputs: StepInputs, settings: StepSettings) => captured.run(inputs, settings);
  const fading = Array.from({ length: 6 }, (_, i) => ({ phase: 1, alpha: i / 6 }));
  steps(learner, fading, run);
  expect(counts).toEqual({ recorded: 0, replayed: 0, disposed: 0 });
  steps(learner, Array<Growth>(12).fill(stable), run, (i) => (i < 6 ? 4 : 2));
  // The first step fills the pool; the second batch size warms up anew.
  expect(counts).toEqual({ recorded: 2, replayed: 2 + 3, disposed: 1 });
  captured.dispose();
  expect(counts.disposed).toBe(2);
});

test("a step that cannot be recorded is told once, and all go on as without graphs, to the bit", () => {
  const [plain, learner] = [tinyLearner(), tinyLearner()];
  for (const each of [plain, learner]) each.pool.capacity = 4;
  const told: string[] = [];
  const captured = new CapturedSteps(
    learner,
    (text) => told.push(text),
    () => {
      throw new TorchError("out of memory");
    },
  );
  const growths = Array<Growth>(8).fill(stable);
  const losses = steps(learner, growths, (inputs, settings) => captured.run(inputs, settings));
  expect(losses).toEqual(steps(plain, growths, (inputs, settings) => trainStep(plain, inputs, settings)));
  expect(contents(learner)).toEqual(contents(plain));
  expect(told).toEqual(["--cuda-graphs: this step cannot be recorded, training goes on without (out of memory)"]);
});

/** Every tensor that a learner carries from step to step. */
const held = ({ generator, encoder, generatorEma, optimisers, pool }: Learner): Tensor[] => [
  ...[generator, encoder, generatorEma].flatMap((network) => [...network.tensors().values()]),
  ...Object.values(optimisers).flatMap(({ state }) =>
    [...state.values()].flatMap(({ firstMoment, secondMoment }) => [
      ...(firstMoment ? [firstMoment] : []),
      secondMoment,
    ]),
  ),
  ...(pool.images ? [pool.images] : []),
];

test.each([["accv2018", accv2018] as const, ["balanced", balanced] as const, ["gan", gan] as const])(
  "a step of %s that could be recorded writes in place: the launched kernels find no other",
  (_, recipe) => {
    const learner = tinyLearner(undefined, 0, recipe);
    learner.pool.capacity = 8;
    const run = () =>
      steps(learner, Array<Growth>(3).fill(stable), (inputs, settings) => trainStep(learner, inputs, settings));
    run();
    const [places, values] = [held(learner), contents(learner)];
    run();
    for (const [i, tensor] of held(learner).entries()) expect(tensor).toBe(places[i]);
    const moved = [...contents(learner)].filter(([name, now]) => now.join() !== values.get(name)?.join());
    expect(moved.filter(([name]) => name.endsWith("weight_u")).length).toBeGreaterThanOrEqual(4);
  },
);
