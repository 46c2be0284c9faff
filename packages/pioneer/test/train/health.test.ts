import { sampleLatents } from "pioneer-runtime";
import { noGrad, scope, tensor } from "pioneer-torch";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { evenly } from "../../src/base/evenly.ts";
import { readModelNetworks, writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { cycle } from "../../src/config/recipe.ts";
import { PackPixels } from "../../src/data/batches.ts";
import type { Pack } from "../../src/data/pack/pack.ts";
import { uniformKl } from "../../src/metrics/latent.ts";
import { generatorInUse } from "../../src/models/networks-in-use.ts";
import type { Health } from "../../src/train/events.ts";
import { complaints, healthOf, seenSplit, spreadOf } from "../../src/train/health.ts";
import type { Session } from "../../src/train/session.ts";
import { facts } from "../checkpoint/support.ts";
import { contents, discs, makePack, tinyComputing, tinyLearner, train } from "../support/tiny.ts";

const folder = temporaryFolder();
let pack: Pack;
beforeAll(async () => {
  pack = await makePack(folder, 40, 8, discs);
});

const growth = { phase: 1, alpha: 1 };
const size = { latent: 8, channels: 6 };

/** Root mean square over the pixels of their standard deviations over the images. */
function deviationOf(images: Float32Array, count: number): number {
  const size = images.length / count;
  const mean = (of: number[]) => of.reduce((sum, value) => sum + value, 0) / of.length;
  const variances = Array.from({ length: size }, (_, pixel) => {
    const values = Array.from({ length: count }, (_, i) => images[i * size + pixel] as number);
    return mean(values.map((value) => (value - mean(values)) ** 2));
  });
  return Math.sqrt(mean(variances));
}

/** What measuring looks at. */
function sessionOf(learner: ReturnType<typeof tinyLearner>, of = pack): Session {
  const config = resolveTrainConfig({ data: pack.path, run: "none", latent: 8, channels: 6 });
  return {
    learner,
    pack: of,
    pixels: new PackPixels(pack),
    computing: tinyComputing,
    config,
    images: 100,
  } as unknown as Session;
}

test("spread: 1 of latents as far apart as uniform ones, 1 % of those in a cap of a tenth of their size", () => {
  expect(spreadOf(uniformKl(128, 64), 128, 64)).toBe(1);
  // Shrunk to a tenth around a mean: ln 10 more KL a coordinate, as s / 2 + m² / 2 stays 1 / 2n.
  expect(spreadOf(uniformKl(128, 64) + Math.log(10), 128, 64)).toBeCloseTo(0.01, 12);
});

describe("the pair that makes pictures", () => {
  test("is the averaged one where both are alike, the raw one where the averages are clearly worse", () => {
    const learner = tinyLearner(size, 0, cycle);
    expect(healthOf(sessionOf(learner), growth)).toMatchObject({ pair: "averaged", images: 100 });
    // An average that remembers another network: noise for pictures.
    const { generatorEma } = learner;
    noGrad(() =>
      scope(() => generatorEma.parameter("to_rgb.1.weight").add_(generatorEma.parameter("to_rgb.1.weight").mul(30))),
    );
    const health = healthOf(sessionOf(learner), growth) as Health;
    expect(health.pair).toBe("raw");
    expect(health.otherL1).toBeGreaterThan(health.l1);
  });

  test("variety: how far samples differ among each other, in the deviations of held-out images", () => {
    const learner = tinyLearner(size, 0, cycle);
    // A single image is held out; without it those to learn from are seen.
    expect(healthOf(sessionOf(learner), growth)?.variety).toBeNaN();
    const session = sessionOf(learner, { ...pack, splits: { train: pack.splits.train as Uint32Array } });
    const chosen = evenly(seenSplit(session.pack), 64);
    expect(chosen.length).toBeGreaterThan(8);
    const [samples, images] = noGrad(() =>
      scope(() => {
        const generate = generatorInUse(learner.generatorEma, growth, tinyComputing.precision, pack.colour);
        const z = tensor(sampleLatents(64, 8, 0), [64, 8]);
        return [generate(z), session.pixels.images(chosen, growth.phase)].map((x) => x.toFloat32Array());
      }),
    ) as [Float32Array, Float32Array];
    const { variety } = healthOf(session, growth) as Health;
    expect(deviationOf(images, chosen.length)).toBeGreaterThan(0.1);
    expect(variety).toBeCloseTo(deviationOf(samples, 64) / deviationOf(images, chosen.length), 4);
  });

  test("measuring moves nothing, and is done once for each state", () => {
    const learner = tinyLearner(size, 0, cycle);
    train(learner, 2, { growth });
    const before = contents(learner);
    const session = sessionOf(learner);
    const first = healthOf(session, growth);
    expect(healthOf(session, growth)).toBe(first);
    session.images = 101;
    expect(healthOf(session, growth)).toEqual({ ...first, images: 101 });
    expect(contents(learner)).toEqual(before);
  });

  test("goes into the checkpoint, and whoever uses the model gets those networks", () => {
    const learner = tinyLearner(size, 0, cycle);
    train(learner, 2, { growth });
    for (const pair of ["averaged", "raw"] as const) {
      const read = readModelNetworks(
        writeCheckpoint(folder, learner, { ...facts(pair === "raw" ? 2000 : 1000), pair }),
      );
      const [E, G] = pair === "raw" ? [learner.encoder, learner.generator] : [learner.encoderEma, learner.generatorEma];
      const name = "from_rgb.7.weight";
      expect(read.encoder.parameter(name).toFloat32Array()).toEqual(E?.parameter(name).toFloat32Array());
      const rgb = "to_rgb.1.weight";
      expect(read.generator.parameter(rgb).toFloat32Array()).toEqual(G.parameter(rgb).toFloat32Array());
      read.encoder.dispose();
      read.generator.dispose();
    }
  });
});

test("a collapse and averages that lag are said in words, with the mend", () => {
  const well: Health = { images: 5000, pair: "averaged", l1: 0.1, otherL1: 0.11, spread: 0.8, cosine: 0.4, variety: 1 };
  const accv2018 = { recipe: "accv2018", lr: 0.003 } as const;
  expect(complaints(well, accv2018)).toEqual([]);
  expect(complaints({ ...well, spread: 0.07 }, accv2018)).toEqual([
    { kind: "collapse", text: expect.stringMatching(/keep 7 % .* --recipe cycle, or --margin 0.05 --realm/) },
  ]);
  expect(complaints({ ...well, images: 4999, spread: 0.07 }, accv2018)).toEqual([]);
  expect(complaints({ ...well, spread: 0.07 }, { ...accv2018, recipe: "cycle" })).toEqual([
    { kind: "collapse", text: expect.stringMatching(/keep 7 % .* in a new run --margin 0.2 keeps them apart$/) },
  ]);
  expect(complaints({ ...well, variety: 0.47 }, accv2018)).toEqual([
    { kind: "alike", text: expect.stringMatching(/^samples differ among each other by 47 % of what images do/) },
  ]);
  expect(complaints({ ...well, images: 4999, variety: 0.47 }, accv2018)).toEqual([]);
  expect(complaints({ ...well, pair: "raw", otherL1: 0.16 }, accv2018)).toEqual([
    { kind: "stale", text: expect.stringMatching(/L1 0.160.*raw ones \(0.100\).*--resume --lr 0.001$/) },
  ]);
});
