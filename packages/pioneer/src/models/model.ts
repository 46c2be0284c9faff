// A run as a model to use: its newest checkpoint, computed by libtorch; and the weights of a model folder.
import { basename, dirname, join } from "node:path";
import type { ModelConfig } from "pioneer-runtime";
import { type Device, noGrad, scope, type Tensor, tensor } from "pioneer-torch";
import { CheckpointError } from "../base/errors.ts";
import { type ModelNetworks, readModelNetworks } from "../checkpoint/checkpoint.ts";
import { findCheckpoint } from "../checkpoint/run-folder.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { newestWhole } from "../checkpoint/verify.ts";
import { chooseComputing, useComputing } from "../compute/device.ts";
import type { TrainConfig } from "../config/config.ts";
import { placeNetwork } from "../learner/placement.ts";
import { resolutionOf } from "../networks/index.ts";
import { noEncoder } from "../onnx/model.ts";
import { ImageDistance } from "../onnx-torch/distance.ts";
import { weightsFile } from "./model-folder.ts";
import { encoderInUse, generatorInUse } from "./networks-in-use.ts";
import { refine } from "./refine.ts";
import type { RefiningModel } from "./refining-model.ts";
import { readWeights } from "./weights.ts";

export interface OpenModelOptions {
  readonly device?: TrainConfig["device"] | undefined;
  readonly threads?: number | undefined;
}

/**
 * Opens the pair that makes the pictures of a run or of one checkpoint, as they stand in their growth.
 * @param path a run folder or a checkpoint folder
 * @throws CheckpointError if there is no checkpoint, or it is damaged
 */
export async function openModel(path: string, options: OpenModelOptions = {}): Promise<RefiningModel> {
  const folder = findCheckpoint(path);
  return onDevice(path, options, () => {
    try {
      return readModelNetworks(folder);
    } catch (error) {
      throw offerOlder(error, folder);
    }
  });
}

/** A damaged checkpoint is named, with the newest of its run that can be used instead. */
function offerOlder(error: unknown, folder: string): unknown {
  if (!(error instanceof CheckpointError)) return error;
  const good = newestWhole(dirname(folder), basename(folder));
  if (good === undefined) return error;
  const mend = `the newest whole checkpoint of the run is ${join(dirname(folder), good)}: give that instead`;
  return new CheckpointError(`${error.message}; ${mend}`, { cause: error });
}

/**
 * Opens a model folder by its model.safetensors.
 * @throws DataError if the file does not hold networks
 */
export async function openWeights(
  path: string,
  config: ModelConfig,
  options: OpenModelOptions = {},
): Promise<RefiningModel> {
  return onDevice(path, options, () => ({ ...readWeights(join(path, weightsFile)), state: config }));
}

/** What is known of networks beside their weights. */
type ModelState = Pick<CheckpointState, "phase" | "alpha" | "latent" | "colour" | "crop" | "align" | "recipe">;

/** Networks with what is known of them. */
type KnownNetworks = Omit<ModelNetworks, "state"> & { readonly state: ModelState };

/** Reads networks and computes with them as the options say. */
function onDevice(path: string, options: OpenModelOptions, read: () => KnownNetworks): RefiningModel {
  // Pictures in float32: using a model is quick, and its results do not depend on the processor's bf16 units.
  const computing = chooseComputing({ device: options.device ?? "auto", precision: "fp32", threads: options.threads });
  useComputing(computing);
  const networks = read();
  for (const network of [networks.encoder, networks.generator]) placeNetwork(network, computing.device);
  return torchModel(path, networks, computing.device);
}

/** Networks as a model, which owns them from now on. @param path what messages call it */
export function torchModel(
  path: string,
  { state, encoder, generator }: KnownNetworks,
  device: Device = "cpu",
): RefiningModel {
  const growth = { phase: state.phase, alpha: state.alpha };
  const resolution = resolutionOf(state.phase);
  const encode = (x: Tensor) => encoderInUse(encoder, growth, "fp32")(x);
  const generate = (z: Tensor) => generatorInUse(generator, growth, "fp32", state.colour)(z);
  const compute = (input: Float32Array, shape: number[], network: typeof encode) => {
    const values = noGrad(() => scope(() => network(tensor(input, shape).to(device)).toFloat32Array()));
    if (values.every(Number.isFinite)) return values;
    throw new CheckpointError(
      `${path} computes values that are no finite numbers: its weights are damaged; give another checkpoint, or copy it again`,
    );
  };
  return {
    resolution,
    latent: state.latent,
    colour: state.colour,
    crop: state.crop,
    align: state.align,
    async encode(images, count) {
      if (encoder.kind.head) throw noEncoder(path, state.recipe);
      return compute(images, [count, 3, resolution, resolution], encode);
    },
    decode: async (latents, count) => compute(latents, [count, state.latent], generate),
    async refine(images, latents, count, { perceptual, ...options }) {
      const x = scope(() => tensor(images, [count, 3, resolution, resolution]).to(device));
      const z = scope(() => tensor(latents, [count, state.latent]).to(device));
      const to = perceptual?.distance.to(x);
      const beside = perceptual && to && { weight: perceptual.weight, distance: to.distance };
      try {
        const refined = await refine(generate, x, z, { ...options, perceptual: beside });
        const result = refined.toFloat32Array();
        refined.dispose();
        return result;
      } finally {
        for (const used of [x, z, to]) used?.dispose();
      }
    },
    openDistance: (file, options) =>
      ImageDistance.open(file, { ...options, flag: "--refine-lpips", resolution, device }),
    dispose() {
      encoder.dispose();
      generator.dispose();
    },
  };
}
