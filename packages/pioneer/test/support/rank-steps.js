// One rank of a test: takes the steps of each case as `train/steps.ts` does, in float64 where it is asked to, and writes what it
// holds then.
//   node rank-steps.js '{"dist": URL, "place": ... or null, "pack": path, "out": path, "facts": of checkpoints, "cases": [...]}'
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";

const { dist, place, pack: packPath, out, facts, cases } = JSON.parse(process.argv[2]);
const own = (path) => import(`${dist}/${path}`);
const torch = await import("pioneer-torch");
const [{ Batches }, { openPack }, { recipeOf }, { createLearner }, { objectiveOf }, { drawInputs }, { trainStep }] =
  await Promise.all(
    [
      "data/batches.js",
      "data/pack/pack.js",
      "config/recipe.js",
      "learner/learner.js",
      "objectives/index.js",
      "train/inputs.js",
      "train/step.js",
    ].map(own),
  );
const { overRanks, shareOf } = await own("train/over-ranks.js");
const { agreeOnLearner } = await own("train/agreement.js");
const { readCheckpoint, writeCheckpoint } = await own("checkpoint/checkpoint.js");
const { mapTensors } = await own("compute/tensor-tree.js");
const { stream } = await own("compute/streams.js");

torch.setThreads(1);
const ranks = place ? new torch.Ranks(place) : undefined;
const seed = 5;
const pack = openPack(packPath);

/** @returns the steps that it has taken, too */
function learnerOf({ precision, recipe: name, augment, sharpen, from }) {
  const recipe = recipeOf({ recipe: name, augment, sharpen });
  const { learner, state } = from
    ? readCheckpoint(from, recipe, 0.001)
    : { learner: createLearner(recipe, { latent: 8, channels: 6 }, 0.001, stream(seed, "weights")) };
  learner.pool.capacity = 24; // soon full
  if (precision === "fp32" || from) return { learner, taken: state?.steps ?? 0 };
  for (const network of [learner.generator, learner.encoder, learner.generatorEma, learner.encoderEma]) {
    for (const [key, value] of network?.u ?? []) network.u.set(key, torch.keep(value.to("float64")));
    for (const [key, value] of network?.parameters ?? []) {
      const wide = torch.keep(torch.noGrad(() => value.detach().to("float64").clone()));
      network.parameters.set(key, value.requiresGrad ? wide.requiresGrad_() : wide);
    }
  }
  return { learner, taken: 0 };
}

/**
 * What the learner holds after the first and after the last step, the gradients of its first update of each network, and what
 * was drawn for each step.
 */
function takeSteps({ learner, taken }, { recipe, precision, batch, alpha, steps, save }) {
  const growth = { phase: 1, alpha };
  const objective = objectiveOf(learner.recipe);
  const batches = new Batches(pack, pack.splits.train, { seed, mirror: true, device: "cpu" });
  const gradients = {};
  const observer = {
    update: ({ network, gradients: all }) => {
      for (const [key, value] of all) gradients[`${network}.${key}`] ??= numbers(value);
    },
    updated: () => undefined,
  };
  const drawn = [];
  let first;
  for (let step = taken; step < steps; step++) {
    torch.scope(() => {
      const over = ranks && overRanks(ranks, batch);
      const share = ranks ? shareOf(batch, ranks) : { first: 0, count: batch };
      const x = batches.at(step * batch + share.first, share.count, growth);
      const random = (purpose) => stream(seed, purpose, step);
      const own = drawInputs(objective, learner, x, { growth, random, device: "cpu", ranks: over });
      drawn.push(digests(own, share.count));
      // Of the drawn numbers, places in the pool stay whole.
      const inputs = mapTensors(own, (t) => (precision === "fp64" && t.dtype === "float32" ? t.to("float64") : t));
      const settings = { growth, precision, encoderOrder: "joint", ranks: over, margin: 0, shown: step * batch };
      trainStep(objective, learner, inputs, settings, observer);
    });
    first ??= heldBy(learner);
    if (save?.after === step + 1 && !place?.rank) {
      writeCheckpoint(save.run, learner, { ...facts, recipe, ...growth, images: (step + 1) * batch, steps: step + 1 });
    }
  }
  return { first, held: heldBy(learner), gradients, drawn: togetherOf(drawn) };
}

/** One for each of a rank's rows, of all that is drawn for it. What the pool trades, in whole numbers, is drawn for all alike. */
function digests(inputs, count) {
  const rows = Array.from({ length: count }, () => createHash("sha256"));
  const whole = [];
  mapTensors(inputs, (value) => {
    const bytes = new Uint8Array(value.contiguous().toTypedArray().slice().buffer);
    const width = bytes.length / count;
    if (value.dtype === "int64") whole.push(createHash("sha256").update(bytes).digest("hex"));
    else for (const [i, row] of rows.entries()) row.update(bytes.subarray(i * width, (i + 1) * width));
    return value;
  });
  return { rows: rows.map((row) => row.digest("hex")), whole };
}

/** Of each step the rows of all ranks in their order. */
function togetherOf(drawn) {
  const all = ranks ? ranks.say(JSON.stringify(drawn)).map((text) => JSON.parse(text)) : [drawn];
  return drawn.map(({ whole }, step) => ({ rows: all.flatMap((each) => each[step].rows), whole }));
}

function heldBy(learner) {
  const held = {};
  for (const kind of ["generator", "encoder", "generatorEma", "encoderEma"]) {
    for (const [key, value] of learner[kind]?.tensors() ?? []) held[`${kind}.${key}`] = numbers(value.detach());
  }
  if (learner.pool.images) held.pool = numbers(learner.pool.images);
  return held;
}

const numbers = (tensor) => [...torch.scope(() => tensor.detach().to("float64").contiguous().toTypedArray())];

/** What is said of a weight that rank 1 has changed a little. */
function differenceFound(learner) {
  const [weight] = learner.generatorEma.parameters.values();
  if (place.rank === 1) torch.noGrad(() => weight.mul_(1 + 2 ** -20));
  try {
    agreeOnLearner(ranks, learner);
  } catch (error) {
    return `${error.code}: ${error.message}`;
  }
  return "none";
}

const results = cases.map((each) => {
  const begun = learnerOf(each);
  const taken = takeSteps(begun, each);
  return each.tamper ? differenceFound(begun.learner) : taken;
});
ranks?.barrier();
if (!place || place.rank === 0) writeFileSync(out, JSON.stringify(results));
process.exit(0);
