// What is evaluated: an encoder and a generator as they stand in their growth.
import { join } from "node:path";
import type { Colour, Crop, FaceTemplate } from "pioneer-runtime";
import { graphPorts, type Model } from "pioneer-runtime/internal";
import { noGrad, scope, type Tensor, tensor } from "pioneer-torch";
import { readModelNetworks } from "../checkpoint/checkpoint.ts";
import { findCheckpoint, hasConfig } from "../checkpoint/run-folder.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import type { Computing } from "../compute/device.ts";
import type { Pair } from "../learner/pair.ts";
import type { Engine } from "../models/engines.ts";
import { encoderInUse, generatorInUse } from "../models/networks-in-use.ts";
import { engineOf, openFolder } from "../models/open-model.ts";
import { type Growth, type Precision, resolutionOf } from "../networks/index.ts";

export interface Subject {
  readonly resolution: number;
  readonly latent: number;
  readonly colour: Colour;
  readonly growth: Growth;
  /** Whether its encoder gives latents; recipe gan's judges images instead. */
  readonly hasLatents: boolean;
  /**
   * Images [n, 3, r, r] in [-1, 1] to latents [n, latent], rows of length 1; float32 on the CPU, to be disposed of. Leaves u
   * as it is.
   */
  readonly encode: (x: Tensor) => Promise<Tensor>;
  /** Latents to images, not clamped; float32 on the CPU, to be disposed of. */
  readonly generate: (z: Tensor) => Promise<Tensor>;
}

/** Networks in the middle of their training, or of a checkpoint; they are not changed. */
export function subjectOf(
  { encoder, generator }: Pair,
  growth: Growth,
  colour: Colour,
  { device, precision }: Pick<Computing, "device" | "precision">,
): Subject {
  const compute = async (x: Tensor, prepare: () => (input: Tensor) => Tensor) =>
    noGrad(() => scope(() => prepare()(x.to(device)).to("float32").to("cpu")));
  return {
    resolution: resolutionOf(growth.phase),
    latent: encoder.size.latent,
    colour,
    growth,
    hasLatents: !encoder.kind.head,
    encode: (x) => compute(x, () => encoderInUse(encoder, growth, precision)),
    generate: (z) => compute(z, () => generatorInUse(generator, growth, precision, colour)),
  };
}

/** A model folder, whichever engine computes it. */
function subjectOfModel(model: Model, growth: Growth, hasLatents: boolean): Subject {
  const { resolution, latent, colour } = model;
  return {
    resolution,
    latent,
    colour,
    growth,
    hasLatents,
    async encode(x) {
      const n = x.size(0);
      return tensor(await model.encode(x.toFloat32Array(), n), [n, latent]);
    },
    async generate(z) {
      const n = z.size(0);
      return tensor(await model.decode(z.toFloat32Array(), n), [n, 3, resolution, resolution]);
    },
  };
}

export interface OpenSubject {
  readonly subject: Subject;
  /** What it computes in; a model folder in float32. */
  readonly precision: Precision;
  /** What it is: a checkpoint or a model folder. */
  readonly path: string;
  readonly crop: Crop;
  readonly align: FaceTemplate | null;
  /** Training images it has been shown. */
  readonly images: number;
  /** The data it was trained on; a model folder does not know. */
  readonly trainedOn: CheckpointState["pack"] | undefined;
  /** The run it belongs to, if it belongs to one. */
  readonly run: string | undefined;
  readonly dispose: () => void;
}

/**
 * @param path a run (its newest checkpoint), a checkpoint or a model folder
 * @throws CheckpointError or DataError if there is none, or it is damaged; ConfigError if the engine cannot compute it
 */
export async function openSubject(
  path: string,
  computing: Pick<Computing, "device" | "precision" | "threads">,
  engine?: Engine,
): Promise<OpenSubject> {
  const chosen = await engineOf(path, engine);
  if (chosen.kind === "folder") {
    const { config } = chosen;
    const onCuda = chosen.engine === "torch" && computing.device.startsWith("cuda");
    const options = { device: onCuda ? "cuda" : "cpu", threads: computing.threads } as const;
    const model = await openFolder(path, config, chosen.engine, options);
    const { crop, align, kimg } = config;
    const images = Math.round(1000 * kimg);
    const dispose = () => model.dispose();
    const subject = subjectOfModel(model, config, graphPorts.encoder.file in config.files);
    const precision = "fp32" as const;
    return { subject, precision, path, crop, align, images, trainedOn: undefined, run: undefined, dispose };
  }
  const checkpoint = findCheckpoint(path);
  const run = join(checkpoint, "..");
  const { state, ...networks } = readModelNetworks(checkpoint);
  return {
    subject: subjectOf(networks, state, state.colour, computing),
    precision: computing.precision,
    path: checkpoint,
    crop: state.crop,
    align: state.align,
    images: state.images,
    trainedOn: state.pack,
    run: hasConfig(run) ? run : undefined,
    dispose() {
      networks.encoder.dispose();
      networks.generator.dispose();
    },
  };
}
