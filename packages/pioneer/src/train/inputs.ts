import { type Device, rand, upload } from "pioneer-torch";
import { drawLatents, stream } from "../compute/streams.ts";
import type { Recipe } from "../config/recipe.ts";
import type { Batches } from "../data/batches.ts";
import type { ImagePool } from "../learner/image-pool.ts";
import type { Growth } from "../networks/index.ts";
import type { StepInputs } from "../objectives/index.ts";

export interface InputSettings {
  readonly recipe: Recipe;
  readonly pool: ImagePool;
  readonly latent: number;
  readonly seed: number;
  readonly device: Device;
}

/**
 * Everything random about step `step`, which begins after `images` images: drawn on the CPU, so that a seed means the same
 * everywhere. Call it in the step's scope.
 */
export function drawInputs(
  batches: Batches,
  step: number,
  images: number,
  batch: number,
  growth: Growth,
  settings: InputSettings,
): StepInputs {
  const { recipe, pool, latent, seed, device } = settings;
  const drawn = drawLatents((1 + recipe.generatorSteps) * batch, latent, stream(seed, "latents", step));
  const latents = upload(drawn, device);
  const part = (index: number) => latents.narrow(0, index * batch, batch);
  return {
    x: batches.at(images, batch, growth),
    zEncoder: part(0),
    zGenerator: Array.from({ length: recipe.generatorSteps }, (_, i) => part(1 + i)),
    ...(recipe.objective === "age" &&
      growth.alpha >= 1 && { trades: pool.draw(batch, stream(seed, "pool", step), device) }),
    ...(recipe.objective === "wgan" && { blend: upload(rand([batch, 1, 1, 1], stream(seed, "blend", step)), device) }),
  };
}
