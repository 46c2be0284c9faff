import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { accv2018 } from "../../src/config/recipe.ts";
import { growthSchedule, positionAt } from "../../src/config/schedule.ts";
import { Batches } from "../../src/data/batches.ts";
import { disposeLearner } from "../../src/learner/learner.ts";
import { objectiveOf } from "../../src/objectives/index.ts";
import type { Session } from "../../src/train/session.ts";
import { Steps } from "../../src/train/steps.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { discs, makePack, tinyComputing, tinyLearner } from "../support/tiny.ts";

test("steps move a session on, and leave nothing in memory when they are disposed of", async () => {
  const pack = await makePack(temporaryFolder(), 20, 8, discs);
  const left = await leftBehind(() => {
    const learner = tinyLearner();
    const images = pack.splits.train as Uint32Array;
    const batches = new Batches(pack, images, { seed: 0, mirror: true, device: "cpu" });
    const session = {
      config: resolveTrainConfig({ data: pack.path, latent: 8, channels: 6 }),
      computing: tinyComputing,
      batches,
      objective: objectiveOf(accv2018),
      learner,
      schedule: growthSchedule(1, 1000),
      images: 0,
      steps: 0,
    } as unknown as Session;
    const steps = new Steps(session);
    for (const step of [1, 2]) {
      steps.take(positionAt(session.schedule, session.images), 4);
      expect(steps.read()).toMatchObject([{ step, images: 4 * step, batch: 4 }]);
    }
    expect(session).toMatchObject({ images: 8, steps: 2 });
    steps.dispose();
    batches.dispose();
    disposeLearner(learner);
  });
  expect(left).toEqual(nothing);
});
