// One rank of a test: takes steps as `train/steps.ts` does, in float64 where it is asked to, and writes what it holds.
//   node steps-process.js '{"dist": URL, "place": ... or null, "pack": path, "out": path, ...}'
import { writeFileSync } from "node:fs";

const given = JSON.parse(process.argv[2]);
const { dist, place, pack: packPath, from, out, precision, batch, first, steps, augment, recipe: name, alpha } = given;
const own = (path) => import(`${dist}/${path}`);
const torch = await import("pioneer-torch");
const [{ Batches }, { openPack }, { recipes }, learners, checkpoints, { objectiveOf }, { drawInputs }, { trainStep }] =
  await Promise.all(
    [
      "data/batches.js",
      "data/pack/pack.js",
      "config/recipe.js",
      "learner/learner.js",
      "checkpoint/checkpoint.js",
      "objectives/index.js",
      "train/inputs.js",
      "train/step.js",
    ].map(own),
  );
const { overRanks, shareOf } = await own("train/over-ranks.js");
const { mapTensors } = await own("compute/tensor-tree.js");
const { stream } = await own("compute/streams.js");

torch.setThreads(1);
const ranks = place ? new torch.Ranks(place) : undefined;
const seed = 5;
const recipe = { ...recipes[name], augment };
const growth = { phase: 1, alpha };

const learner = from
  ? checkpoints.readCheckpoint(from, recipe, 0.001).learner
  : learners.createLearner(recipe, { latent: 8, channels: 6 }, 0.001, stream(seed, "weights"));
if (precision === "fp64") {
  for (const network of [learner.generator, learner.encoder, learner.generatorEma, learner.encoderEma]) {
    for (const [key, value] of network?.u ?? []) network.u.set(key, torch.keep(value.to("float64")));
    for (const [key, value] of network?.parameters ?? []) {
      const wide = torch.keep(torch.noGrad(() => value.detach().to("float64").clone()));
      network.parameters.set(key, value.requiresGrad ? wide.requiresGrad_() : wide);
    }
  }
}
learner.pool.capacity = 24; // soon full

const objective = objectiveOf(recipe);
const pack = openPack(packPath);
const batches = new Batches(pack, pack.splits.train, { seed, mirror: true, device: "cpu" });
const gradients = new Map();
for (let step = first; step < first + steps; step++) {
  torch.scope(() => {
    const over = ranks && overRanks(ranks, batch);
    const share = ranks ? shareOf(batch, ranks) : { first: 0, count: batch };
    const x = batches.at(step * batch + share.first, share.count, growth);
    const random = (purpose) => stream(seed, purpose, step);
    const drawn = drawInputs(objective, learner, x, { growth, random, device: "cpu", ranks: over });
    // Of the drawn numbers, places in the pool stay whole.
    const inputs = mapTensors(drawn, (t) => (precision === "fp64" && t.dtype === "float32" ? t.to("float64") : t));
    const observer = {
      update: ({ network, gradients: all }) => {
        for (const [key, value] of all) {
          const at = `${network}.${key}`;
          if (!gradients.has(at)) gradients.set(at, torch.keep(value.detach().contiguous().clone()));
        }
      },
      updated: () => undefined,
    };
    const settings = { growth, precision, encoderOrder: "joint", ranks: over, margin: 0, shown: step * batch };
    trainStep(objective, learner, inputs, settings, observer);
  });
}
if (given.tamper) {
  if (place.rank === 1)
    torch.noGrad(() =>
      learner.generatorEma.parameters
        .values()
        .next()
        .value.mul_(1 + 2 ** -20),
    );
  try {
    (await own("train/agreement.js")).agreeOnLearner(ranks, learner);
  } catch (error) {
    if (place.rank === 0) writeFileSync(out, JSON.stringify(`${error.code}: ${error.message}`));
    process.exit(0);
  }
}
ranks?.barrier();
if (!place || place.rank === 0) {
  const held = new Map();
  for (const kind of ["generator", "encoder", "generatorEma", "encoderEma"]) {
    for (const [key, value] of learner[kind]?.tensors() ?? []) held.set(`${kind}.${key}`, value.detach());
  }
  if (learner.pool.images) held.set("pool", learner.pool.images);
  const numbers = (tensors) =>
    Object.fromEntries(
      [...tensors].map(([key, value]) => [
        key,
        [...torch.scope(() => value.to("float64").contiguous().toTypedArray())],
      ]),
    );
  writeFileSync(out, JSON.stringify({ held: numbers(held), gradients: numbers(gradients) }));
}
process.exit(0);
