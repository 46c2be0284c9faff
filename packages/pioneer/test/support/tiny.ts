// Real parts, only small: a pack of drawn pictures and networks of a few channels.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { RandomGenerator, rand, scope, setThreads, type Tensor } from "pioneer-torch";
import sharp from "sharp";
import type { Computing } from "../../src/compute/device.ts";
import { drawLatents } from "../../src/compute/streams.ts";
import { accv2018, type Recipe } from "../../src/config/recipe.ts";
import type { Pack } from "../../src/data/pack/pack.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { createLearner, type Learner } from "../../src/learner/learner.ts";
import type { EncoderOrder } from "../../src/losses/choices.ts";
import { type Growth, type NetworkSize, type Precision, resolutionOf } from "../../src/networks/index.ts";
import { type LossTerms, objectiveOf } from "../../src/objectives/index.ts";
import { trainStep } from "../../src/train/step.ts";

// Test files run side by side, and tensors this small are quickest on one thread.
setThreads(1);

/** How networks this small are computed. */
export const tinyComputing: Computing = {
  device: "cpu",
  precision: "fp32",
  convolutions: "direct",
  threads: 1,
  why: "",
};

/** @param pixel its colour at (x, y) of image `index`: red, green, blue from 0 to 255 */
export type Drawing = (index: number, x: number, y: number) => readonly [number, number, number];

/** A pack made as a user makes one: of a folder of PNG files, here as large as the pack so that no pixel changes. */
export async function makePack(folder: string, count: number, resolution: number, pixel: Drawing): Promise<Pack> {
  const photos = join(folder, `photos-${count}-${resolution}`);
  mkdirSync(photos, { recursive: true });
  for (let index = 0; index < count; index++) {
    const pixels = Buffer.alloc(resolution ** 2 * 3);
    for (let at = 0; at < resolution ** 2; at++) {
      pixels.set(pixel(index, at % resolution, Math.floor(at / resolution)), at * 3);
    }
    const name = `${String(index).padStart(4, "0")}.png`;
    const raw = { width: resolution, height: resolution, channels: 3 } as const;
    await sharp(pixels, { raw }).png().toFile(join(photos, name));
  }
  return (await prepareDataset({ source: photos, out: `${photos}.pack`, resolution })).pack;
}

/** Discs of other colours and places: something to learn. */
export const discs: Drawing = (index, x, y) => {
  const [centre, radius] = [4 + (index % 9), 2 + (index % 4)];
  const inside = (x - centre) ** 2 + (y - 12 + centre / 2) ** 2 < radius ** 2;
  return inside ? [255, (index * 37) % 256, 40] : [(index * 11) % 256, 90, (y * 15) % 256];
};

export const tinyLearner = (
  size: NetworkSize = { latent: 8, channels: 6 },
  seed = 0,
  recipe: Recipe = accv2018,
): Learner => createLearner(recipe, size, 0.001, new RandomGenerator(seed));

export interface TinySteps {
  growth: Growth;
  precision?: Precision;
  encoderOrder?: EncoderOrder;
  batch?: number;
  margin?: number;
  /** Of the images and latents; the same seed, the same steps. */
  seed?: number;
}

/** Random images in [-1, 1) of a phase. */
export const randomImages = (batch: number, phase: number, random: RandomGenerator): Tensor =>
  rand([batch, 3, resolutionOf(phase), resolutionOf(phase)], random, -1, 1);

/** Trains on random images. @param each sees the losses of every step */
export function train(
  learner: Learner,
  steps: number,
  { growth, precision = "fp32", encoderOrder = "joint", batch = 4, margin = 0, seed = 1 }: TinySteps,
  each: (losses: LossTerms, step: number) => void = () => {},
): void {
  const objective = objectiveOf(learner.recipe);
  const random = new RandomGenerator(seed);
  const latents = () => drawLatents(batch, learner.generator.size.latent, random);
  for (let step = 0; step < steps; step++) {
    scope(() => {
      const inputs = {
        x: randomImages(batch, growth.phase, random),
        zEncoder: latents(),
        zGenerator: Array.from({ length: learner.recipe.generatorSteps }, latents),
        ...objective.draw({ learner, growth, batch, own: (all) => all, random: () => random, device: "cpu" }),
      };
      each(trainStep(objective, learner, inputs, { growth, precision, encoderOrder, margin }), step);
    });
  }
}

/** Everything a learner holds, as numbers by name. */
export function contents({
  generator,
  encoder,
  generatorEma,
  encoderEma,
  optimisers,
  pool,
}: Learner): Map<string, Float32Array> {
  const all = new Map<string, Float32Array>();
  for (const [network, { tensors }] of Object.entries({
    generator: { tensors: generator.tensors() },
    encoder: { tensors: encoder.tensors() },
    generatorEma: { tensors: generatorEma.tensors() },
    ...(encoderEma && { encoderEma: { tensors: encoderEma.tensors() } }),
  })) {
    for (const [name, value] of tensors) all.set(`${network}.${name}`, value.toFloat32Array());
  }
  for (const [network, { state }] of Object.entries(optimisers)) {
    for (const [name, { step, secondMoment }] of state) {
      all.set(`adam.${network}.${name}`, Float32Array.of(step, ...secondMoment.toFloat32Array()));
    }
  }
  if (pool.images) all.set("pool", pool.images.toFloat32Array());
  return all;
}
