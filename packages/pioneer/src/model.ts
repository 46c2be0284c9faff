// A run as a model to use: its newest checkpoint, computed by libtorch.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { noGrad, scope, setThreads, type Tensor, tensor } from "pioneer-torch";
import { readModelNetworks } from "./checkpoint/checkpoint.ts";
import { CheckpointError, PioneerError } from "./errors.ts";
import { inColour } from "./images/colour.ts";
import type { RefiningModel } from "./images/refine.ts";
import { resolutionOf } from "./networks/index.ts";
import { refine } from "./refine.ts";
import { newestCheckpoint } from "./run-folder.ts";
import { chooseComputing } from "./train/device.ts";
import { placeNetwork } from "./train/placement.ts";

export interface OpenModelOptions {
  readonly device?: "auto" | "cpu" | "cuda" | undefined;
  readonly threads?: number | undefined;
}

/**
 * Opens the encoder and the averaged generator of a run or of one checkpoint, as they stand in their growth.
 * @param path a run folder or a checkpoint folder
 * @throws CheckpointError if there is no checkpoint, or it is damaged
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<RefiningModel> {
  const folder = existsSync(join(path, "state.json")) ? path : newestCheckpoint(path);
  if (!folder) {
    throw new CheckpointError(
      `${path} holds no checkpoint: give --model a run folder (with checkpoint-... in it) or a checkpoint`,
    );
  }
  // Pictures in float32: using a model is quick, and its results do not depend on the processor's bf16 units.
  const { device, threads } = chooseComputing({
    device: options.device ?? "auto",
    precision: "fp32",
    threads: options.threads,
  });
  setThreads(threads);
  const { state, encoder, generatorEma } = readModelNetworks(folder);
  for (const network of [encoder, generatorEma]) placeNetwork(network, device);
  const growth = { phase: state.phase, alpha: state.alpha };
  const resolution = resolutionOf(state.phase);
  // Prepared anew in each call's scope, which frees what it made: little work beside the convolutions.
  const encode = (x: Tensor) => encoder.prepare(growth, "fp32", "keep")(x);
  // The weights are constants; a gradient may still pass through to z.
  const generate = (z: Tensor) => inColour(noGrad(() => generatorEma.prepare(growth, "fp32"))(z), state.colour);
  const compute = (input: Float32Array, shape: number[], network: typeof encode) =>
    noGrad(() => scope(() => network(tensor(input, shape).to(device)).toFloat32Array()));
  return {
    resolution,
    latent: state.latent,
    colour: state.colour,
    crop: state.crop,
    async encode(images, count) {
      if (encoder.kind.head) throw noEncoder(path, state.recipe);
      return compute(images, [count, 3, resolution, resolution], encode);
    },
    decode: async (latents, count) => compute(latents, [count, state.latent], generate),
    async refine(images, latents, count, options) {
      const x = scope(() => tensor(images, [count, 3, resolution, resolution]).to(device));
      const z = scope(() => tensor(latents, [count, state.latent]).to(device));
      const refined = await refine(generate, x, z, options);
      const result = refined.toFloat32Array();
      for (const used of [x, z, refined]) used.dispose();
      return result;
    },
    dispose() {
      encoder.dispose();
      generatorEma.dispose();
    },
  };
}

const noEncoder = (path: string, recipe: string) =>
  new PioneerError(
    "NO_ENCODER",
    `${path} was trained with the recipe ${recipe}, whose encoder judges images and makes no codes: ` +
      "it can sample; to reconstruct or interpolate, train with accv2018 or balanced",
  );
