// What is evaluated: an encoder and an averaged generator as they stand in their growth.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Colour } from "pioneer-runtime";
import { noGrad, scope, type Tensor } from "pioneer-torch";
import { readModelNetworks } from "../checkpoint/checkpoint.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { inColour } from "../images/colour.ts";
import { type Growth, resolutionOf } from "../networks/index.ts";
import { findCheckpoint } from "../run-folder.ts";
import type { Computing } from "../train/device.ts";
import type { Learner } from "../train/learner.ts";

export interface Subject {
  readonly resolution: number;
  readonly latent: number;
  readonly colour: Colour;
  readonly growth: Growth;
  /** Images [n, 3, r, r] in [-1, 1] to latents [n, latent], rows of length 1; float32 on the CPU. Leaves u as it is. */
  readonly encode: (x: Tensor) => Tensor;
  /** Latents to images, not clamped; float32 on the CPU. */
  readonly generate: (z: Tensor) => Tensor;
}

/** Networks in the middle of their training, or of a checkpoint; they are not changed. */
export function subjectOf(
  { encoder, generatorEma }: Pick<Learner, "encoder" | "generatorEma">,
  growth: Growth,
  colour: Colour,
  { device, precision }: Pick<Computing, "device" | "precision">,
): Subject {
  // Weights are prepared anew in each call's scope, which frees them: little work beside the convolutions.
  const compute = (x: Tensor, prepare: () => (input: Tensor) => Tensor) =>
    noGrad(() => scope(() => prepare()(x.to(device)).to("float32").to("cpu")));
  return {
    resolution: resolutionOf(growth.phase),
    latent: encoder.size.latent,
    colour,
    growth,
    encode: (x) => compute(x, () => encoder.prepare(growth, precision, "keep")),
    generate: (z) =>
      compute(z, () => {
        const generator = generatorEma.prepare(growth, precision);
        return (input) => inColour(generator(input), colour);
      }),
  };
}

export interface OpenSubject {
  readonly subject: Subject;
  readonly state: CheckpointState;
  readonly checkpoint: string;
  /** The run it belongs to, if it belongs to one. */
  readonly run: string | undefined;
  readonly dispose: () => void;
}

/**
 * @param path a run (its newest checkpoint) or a checkpoint
 * @throws CheckpointError if there is none, or it is damaged
 */
export function openSubject(path: string, computing: Pick<Computing, "device" | "precision">): OpenSubject {
  const checkpoint = findCheckpoint(path);
  const run = join(checkpoint, "..");
  const { state, ...networks } = readModelNetworks(checkpoint);
  return {
    subject: subjectOf(networks, state, state.colour, computing),
    state,
    checkpoint,
    run: existsSync(join(run, "config.json")) ? run : undefined,
    dispose() {
      networks.encoder.dispose();
      networks.generatorEma.dispose();
    },
  };
}
