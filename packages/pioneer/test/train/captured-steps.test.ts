// Steps behind CapturedSteps, on the CPU: the recorder here does the work anew at each launch, so this shows that a
// recorded step needs nothing but its own inputs, not that CUDA can record it.
import { RandomGenerator, randn, scope, type Tensor, TorchError } from "pioneer-torch";
import { expect, test } from "vitest";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018, balanced, cycle, gan, type Recipe, recipeOf } from "../../src/config/recipe.ts";
import type { Position } from "../../src/config/schedule.ts";
import type { Learner } from "../../src/learner/learner.ts";
import type { Growth } from "../../src/networks/index.ts";
import {
  type Age,
  ageObjective,
  type InputsOf,
  type LossesOf,
  type Objective,
  type ObjectiveTypes,
  objectiveOf,
  type StepSettings,
} from "../../src/objectives/index.ts";
import { CapturedSteps, type Recorded } from "../../src/train/captured-steps.ts";
import { readLosses } from "../../src/train/loss-ring.ts";
import { trainStep } from "../../src/train/step.ts";
import { contents, randomImages, tinyLearner } from "../support/tiny.ts";

const settingsAt = (growth: Growth): StepSettings => ({
  growth,
  precision: "fp32",
  encoderOrder: "joint",
});

/** Steps of a learner, each with inputs of its own; the same for any learner of the objective. */
function steps<O extends ObjectiveTypes>(
  objective: Objective<O>,
  learner: Learner,
  growths: readonly Growth[],
  step: (inputs: InputsOf<O>, settings: StepSettings) => LossesOf<O>,
  batchAt: (step: number) => number = () => 4,
) {
  const random = new RandomGenerator(1);
  return growths.map((growth, i) =>
    scope(() => {
      const batch = batchAt(i);
      const z = () => drawLatents(batch, 8, random);
      const inputs = {
        x: randomImages(batch, growth.phase, random),
        zEncoder: z(),
        zGenerator: Array.from({ length: learner.recipe.generatorSteps }, z),
        ...objective.draw({ learner, growth, batch, own: (all) => all, random: () => random, device: "cpu" }),
      };
      return readLosses(step(inputs, settingsAt(growth)));
    }),
  );
}

/** The same as they are, without recording. */
const plainSteps = <O extends ObjectiveTypes>(objective: Objective<O>, learner: Learner, growths: readonly Growth[]) =>
  steps(objective, learner, growths, (inputs, settings) => trainStep(objective, learner, inputs, settings));

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

test.each<[string, Recipe]>([
  ["accv2018", accv2018],
  ["cycle with --augment", { ...cycle, augment: true }],
  ["cycle with --augment and --sharpen", recipeOf({ recipe: "cycle", augment: true, sharpen: true })],
  ["gan", gan],
])("recorded steps of %s are the same steps, to the bit", (_, recipe) => {
  const [plain, learner] = [tinyLearner(undefined, 0, recipe), tinyLearner(undefined, 0, recipe)];
  for (const each of [plain, learner]) each.pool.capacity = 8;
  const { counts, record } = recorder();
  const objective = objectiveOf(recipe);
  const captured = new CapturedSteps(objective, learner, () => undefined, record);
  const growths = Array<Growth>(10).fill(stable);
  const losses = steps(objective, learner, growths, (inputs, settings) => captured.run(inputs, settings));
  expect(losses).toEqual(plainSteps(objective, plain, growths));
  expect(contents(learner)).toEqual(contents(plain));
  // Two steps fill the pool of eight; three warm up.
  expect(counts).toEqual({ recorded: 1, replayed: recipe === gan ? 7 : 5, disposed: 0 });
});

/** One that draws more than its step knows of: what G makes is judged by how much of a drawn pattern is in it. */
interface Patterned extends Age {
  readonly drawn: Age["drawn"] & { readonly patterns: { readonly byUpdate: readonly Tensor[] } };
}

const age = ageObjective(accv2018);
const patterned: Objective<Patterned> = {
  ...age,
  draw(context) {
    const pattern = () => randn([context.batch, 8], context.random("latents"));
    return { ...age.draw(context), patterns: { byUpdate: [pattern(), pattern()] } };
  },
  generator(learner, inputs, settings) {
    const update = age.generator(learner, inputs, settings);
    return (z) => {
      const made = update(z);
      const pattern = inputs.patterns.byUpdate[inputs.zGenerator.indexOf(z)] as Tensor;
      const loss = made.loss.add(made.values.code.mul(pattern).mean());
      return { ...made, loss, losses: { ...made.losses, generator: loss } };
    };
  },
};

test("whatever inputs an objective draws, at any depth, are new in each recorded step", () => {
  const [plain, learner] = [tinyLearner(), tinyLearner()];
  for (const each of [plain, learner]) each.pool.capacity = 4;
  const { counts, record } = recorder();
  const captured = new CapturedSteps(patterned, learner, () => undefined, record);
  const growths = Array<Growth>(8).fill(stable);
  const losses = steps(patterned, learner, growths, (inputs, settings) => captured.run(inputs, settings));
  expect(counts.replayed).toBe(4);
  expect(losses).toEqual(plainSteps(patterned, plain, growths));
  expect(contents(learner)).toEqual(contents(plain));
});

test("fading steps are never recorded, and another kind of step ends a recording", () => {
  const learner = tinyLearner();
  learner.pool.capacity = 4;
  const { counts, record } = recorder();
  const objective = ageObjective(accv2018);
  const captured = new CapturedSteps(objective, learner, () => undefined, record);
  const run = (inputs: InputsOf<Age>, settings: StepSettings) => captured.run(inputs, settings);
  const fading = Array.from({ length: 6 }, (_, i) => ({ phase: 1, alpha: i / 6 }));
  steps(objective, learner, fading, run);
  expect(counts).toEqual({ recorded: 0, replayed: 0, disposed: 0 });
  steps(objective, learner, Array<Growth>(12).fill(stable), run, (i) => (i < 6 ? 4 : 2));
  // The first step fills the pool; the second batch size warms up anew.
  expect(counts).toEqual({ recorded: 2, replayed: 2 + 3, disposed: 1 });
  captured.dispose();
  expect(counts.disposed).toBe(2);
});

test("where a phase ends may be planned anew: the recording goes on", () => {
  const learner = tinyLearner(undefined, 0, gan);
  const { counts, record } = recorder();
  const objective = objectiveOf(gan);
  const captured = new CapturedSteps(objective, learner, () => undefined, record);
  const places = Array.from({ length: 8 }, (_, i): Position => ({ ...stable, startImages: i, endImages: 100 + 2 * i }));
  steps(objective, learner, places, (inputs, settings) => captured.run(inputs, settings));
  expect(counts).toEqual({ recorded: 1, replayed: 5, disposed: 0 });
});

test("a step that cannot be recorded is told once, and all go on as without graphs, to the bit", () => {
  const [plain, learner] = [tinyLearner(), tinyLearner()];
  for (const each of [plain, learner]) each.pool.capacity = 4;
  const told: string[] = [];
  const objective = ageObjective(accv2018);
  const captured = new CapturedSteps(
    objective,
    learner,
    (text) => told.push(text),
    () => {
      throw new TorchError("out of memory");
    },
  );
  const growths = Array<Growth>(8).fill(stable);
  const losses = steps(objective, learner, growths, (inputs, settings) => captured.run(inputs, settings));
  expect(losses).toEqual(plainSteps(objective, plain, growths));
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
    const run = () => plainSteps(objectiveOf(recipe), learner, Array<Growth>(3).fill(stable));
    run();
    const [places, values] = [held(learner), contents(learner)];
    run();
    for (const [i, tensor] of held(learner).entries()) expect(tensor).toBe(places[i]);
    const moved = [...contents(learner)].filter(([name, now]) => now.join() !== values.get(name)?.join());
    expect(moved.filter(([name]) => name.endsWith("weight_u")).length).toBeGreaterThanOrEqual(4);
  },
);
