// `pioneer export` without its words: a run in, a model folder out.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Colour, ModelConfig } from "pioneer-runtime";
import { graphPorts, latentSampler, type Model, modelFormat } from "pioneer-runtime/internal";
import { DataError } from "../base/errors.ts";
import { version } from "../base/version.ts";
import { writeFolderBeside } from "../base/whole-folder.ts";
import { createWith } from "../base/write.ts";
import { type ModelNetworks, readModelNetworks } from "../checkpoint/checkpoint.ts";
import { findCheckpoint } from "../checkpoint/run-folder.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { networksFile } from "../checkpoint/verify.ts";
import { chooseComputing, useComputing } from "../compute/device.ts";
import { packFor } from "../data/ensure.ts";
import type { Pack } from "../data/pack/pack.ts";
import { directionsFileName, readDirections } from "../directions/file.ts";
import { torchModel } from "../models/model.ts";
import {
  cardFile,
  checkTarget,
  digestFile,
  modelConfigFile,
  modelConfigText,
  modelName,
  weightsFile,
} from "../models/model-folder.ts";
import { copyPairWeights, copyWeights } from "../models/weights.ts";
import type { Growth } from "../networks/index.ts";
import { openGraphs } from "../onnx/model.ts";
import { checkFile, type Difference, type Sample } from "./check.ts";
import type { WeightFormat } from "./graph-builder.ts";
import { encoderGraph, generatorGraph } from "./graphs.ts";
import { modelCard, readMetrics } from "./model-card.ts";
import { onnxFile } from "./onnx-file.ts";
import { measureQuality, type Quality } from "./quality.ts";

/** Latents, and images made of them, on which ONNX Runtime and libtorch are compared. */
const checkedRows = 4;

export interface ExportOptions {
  /** A run (its newest checkpoint) or a checkpoint. */
  readonly run: string;
  /** The model folder. */
  readonly out: string;
  readonly dtype: WeightFormat;
  /** Also write model.safetensors, for further training; of another dtype than fp32 as a pair in half precision. */
  readonly weights: boolean;
  /** Replace a model folder. */
  readonly force: boolean;
  /** Held-out images to measure on; by default those of the run's data, if they are still there. */
  readonly data?: string | undefined;
  readonly threads?: number | undefined;
  /** Told what is being done. */
  readonly onProgress?: ((what: string) => void) | undefined;
}

export interface Exported {
  readonly checkpoint: string;
  readonly config: ModelConfig;
  /** Paths of all files of the folder. */
  readonly files: readonly string[];
  /** ONNX Runtime's outputs beside libtorch's, by graph. */
  readonly differences: Readonly<Record<string, Difference>>;
  /** Of reconstructions; a text says why there are none. */
  readonly quality: Quality | string;
}

/**
 * Writes a model folder beside and renames it into place once ONNX Runtime was seen to compute what libtorch computes.
 * @throws CheckpointError if there is nothing to export; DataError if the target is in use or the disk refuses; PioneerError if
 * the graphs are not right
 */
export async function exportModel(options: ExportOptions): Promise<Exported> {
  const { out, dtype, force, onProgress } = options;
  const checkpoint = findCheckpoint(options.run, "--run a run folder (with checkpoint-... in it) or a checkpoint");
  await checkTarget(out, force);
  const computing = chooseComputing({ device: "cpu", precision: "fp32", threads: options.threads });
  useComputing(computing);
  const { threads } = computing;
  const networks = readModelNetworks(checkpoint);
  const { state } = networks;
  const torch = torchModel(checkpoint, networks);
  try {
    return await writeFolderBeside(out, async (folder) => {
      const say = (what: string) => onProgress?.(what);
      const differences = await writeGraphs(folder, { networks, torch, dtype, threads, say });
      createWith(join(folder, directionsFileName), directionsOf(join(checkpoint, ".."), state.latent));
      if (options.weights) {
        say(`writing ${weightsFile}`);
        const copy = dtype === "fp32" ? copyWeights : copyPairWeights;
        copy(join(checkpoint, networksFile), join(folder, weightsFile), state);
      }
      say("measuring reconstructions of held-out images");
      const quality = await heldOutQuality(folder, { networks, torch, data: options.data, threads });
      const names = Object.keys(differences).map((which) => graphPorts[which as Which].file as string);
      names.push(directionsFileName, ...(options.weights ? [weightsFile] : []));
      const digests = await Promise.all(names.map((name) => digestFile(join(folder, name))));
      const files = Object.fromEntries(names.map((name, i) => [name, digests[i] as FileDigest]));
      const metrics = readMetrics(join(checkpoint, ".."), state);
      createWith(join(folder, cardFile), modelCard({ name: modelName(out), state, dtype, files, quality, metrics }));
      const config = configOf(state, dtype, files);
      createWith(join(folder, modelConfigFile), modelConfigText(config));
      const all = [modelConfigFile, ...names, cardFile].map((name) => join(out, name));
      return { checkpoint, config, files: all, differences, quality };
    });
  } finally {
    torch.dispose();
  }
}

type Which = keyof typeof graphPorts;
type FileDigest = { readonly bytes: number; readonly sha256: string };

interface Work {
  readonly networks: ModelNetworks;
  /** The same networks, computed by libtorch. */
  readonly torch: Model;
  readonly threads: number;
}

/**
 * The bytes of generator.onnx and encoder.onnx; of networks whose encoder judges, what comes before the head.
 * @throws PioneerError if a graph does not fit in an ONNX file
 */
export function exportGraphs(
  { encoder, generator }: Omit<ModelNetworks, "state">,
  growth: Growth,
  colour: Colour,
  dtype: WeightFormat,
): { generator: Uint8Array; encoder: Uint8Array } {
  return {
    generator: onnxFile(generatorGraph(generator, growth, colour, dtype), whatImagesAre),
    encoder: onnxFile(encoderGraph(encoder, growth, dtype), whatImagesAre),
  };
}

/** So that `pioneer evaluate --features encoder.onnx` knows what to feed. */
const whatImagesAre = { "pioneer.range": "-1..1", "pioneer.channels": "rgb" };

/** Writes both graphs, or the generator's where the encoder makes no latents, and compares each with libtorch. */
async function writeGraphs(
  folder: string,
  { networks, torch, dtype, threads, say }: Work & { dtype: WeightFormat; say: (what: string) => void },
): Promise<Record<string, Difference>> {
  const { state } = networks;
  const latents = latentSampler(state.latent, 0)(checkedRows);
  const images = await torch.decode(latents, checkedRows);
  const r = torch.resolution;
  const sample = (input: Float32Array, inputShape: number[], expected: Float32Array): Sample => ({
    count: checkedRows,
    input,
    inputShape,
    expected,
  });
  const write = async (which: Which, graph: ReturnType<typeof encoderGraph>, rows: Sample) => {
    const ports = graphPorts[which];
    const path = join(folder, ports.file);
    say(`writing ${ports.file}`);
    createWith(path, onnxFile(graph, whatImagesAre));
    say(`comparing ${ports.file} in ONNX Runtime with libtorch`);
    return checkFile(path, ports, rows, dtype, threads);
  };
  const difference = await write(
    "generator",
    generatorGraph(networks.generator, state, state.colour, dtype),
    sample(latents, [state.latent], images),
  );
  if (networks.encoder.kind.head) return { generator: difference };
  const encoded = await torch.encode(images, checkedRows);
  return {
    encoder: await write("encoder", encoderGraph(networks.encoder, state, dtype), sample(images, [3, r, r], encoded)),
    generator: difference,
  };
}

/** Those that the run has already, imported or learned. @throws DataError if its file is damaged or of another latent space */
function directionsOf(run: string, latent: number): string {
  const path = join(run, directionsFileName);
  if (!existsSync(path)) return `${JSON.stringify({ format: modelFormat, latent, directions: {} })}\n`;
  return `${JSON.stringify(readDirections(path, latent))}\n`;
}

async function heldOutQuality(
  folder: string,
  { networks: { state, encoder }, torch, data, threads }: Work & { data: string | undefined },
): Promise<Quality | string> {
  if (encoder.kind.head) return `the recipe ${state.recipe} has no encoder that makes latents`;
  let pack: Pack;
  try {
    const { resolution } = torch;
    ({ pack } = await packFor({ ...state, resolution }, data ?? state.pack.path));
    if (data === undefined && pack.id !== state.pack.id) throw new DataError(`${pack.path} holds other images now`);
  } catch (error) {
    if (data !== undefined) throw error;
    return `${(error as Error).message}; give --data a pack with images held out of training`;
  }
  const graphs = await openGraphs(folder, state, { threads });
  try {
    return (await measureQuality(torch, graphs, pack, state.phase)) ?? `${pack.path} has no images in "test"`;
  } catch (error) {
    // Nobody asked for it: the model is whole without.
    if (data !== undefined) throw error;
    return (error as Error).message;
  } finally {
    graphs.dispose();
  }
}

function configOf(state: CheckpointState, dtype: WeightFormat, files: Record<string, FileDigest>): ModelConfig {
  const { resolution, latent, channels, phase, alpha, recipe, colour, crop, align, images } = state;
  return {
    format: modelFormat,
    resolution,
    latent,
    channels,
    phase,
    alpha,
    recipe,
    dtype,
    colour,
    crop,
    align,
    kimg: images / 1000,
    version,
    files,
  };
}
