// Which steps a trial takes; how long they are and what they hold depends on the machine.
import { type Device, setThreads } from "pioneer-torch";
import { afterEach, expect, test } from "vitest";
import { PatientLog } from "../../src/base/patience.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { type AgeRecipe, accv2018, cycle } from "../../src/config/recipe.ts";
import { type Age, ageObjective, type Objective } from "../../src/objectives/index.ts";
import { Trial } from "../../src/train/trial.ts";

afterEach(() => setThreads(1));

const config = (recipe: "accv2018" | "cycle") =>
  resolveTrainConfig({ data: "procedural:faces", recipe, latent: 8, channels: 4 });
const computing = { device: "cpu", precision: "fp32", convolutions: "direct", threads: 1, why: "" } as const;

/** The objective of a recipe; it notes its encoder updates. */
function watched(recipe: AgeRecipe) {
  const updates: { alpha: number; invertsAnew: boolean }[] = [];
  const age = ageObjective(recipe);
  const objective: Objective<Age> = {
    ...age,
    encoder(learner, inputs, settings) {
      const update = age.encoder(learner, inputs, settings);
      const { generated, inverted = generated } = update.values;
      updates.push({ alpha: settings.growth.alpha, invertsAnew: inverted !== generated });
      return update;
    },
  };
  return { objective, updates };
}

/** By alpha, whether E saw generated images once more. */
async function tried(name: "accv2018" | "cycle", recipe: AgeRecipe) {
  const { objective, updates } = watched(recipe);
  const trial = await Trial.open(config(name), "cpu", objective);
  try {
    const log = new PatientLog(() => undefined);
    for (const phase of [1, 0]) {
      const { seconds, peakMiB } = await trial.need(phase, 4, computing, log);
      expect(seconds).toBeGreaterThan(0);
      expect(peakMiB).toBeGreaterThan(0);
    }
  } finally {
    trial.dispose();
  }
  return new Map(updates.map(({ alpha, invertsAnew }) => [alpha, invertsAnew]));
}

test("steps that do more once faded in are tried there too, those of other recipes only while fading", async () => {
  expect(await tried("cycle", cycle)).toEqual(
    new Map([
      [0.999, false],
      [1, true],
    ]),
  );
  expect(await tried("accv2018", accv2018)).toEqual(new Map([[0.999, false]]));
});

test("an objective is opened before its first step, and disposed of with the trial", async () => {
  const { objective, updates } = watched(accv2018);
  const calls: string[] = [];
  const trial = await Trial.open(config("accv2018"), "cpu", {
    ...objective,
    open: async (device: Device) => void calls.push(`opened on ${device} after ${updates.length} updates`),
    dispose: () => void calls.push(`disposed of after ${updates.length}`),
  } as Objective);
  trial.step(1, 2, computing);
  trial.dispose();
  expect(calls).toEqual(["opened on cpu after 0 updates", "disposed of after 1"]);
});
