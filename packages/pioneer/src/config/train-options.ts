import { colours, crops } from "pioneer-runtime";
import { z } from "zod";
import { klDirections, mismatches } from "../losses/choices.ts";
import { batch } from "./batch.ts";
import { oneOf, option, positive, resolution, share, text, toggle, whole } from "./option-schema.ts";
import { recipeNames } from "./recipe.ts";
import { scheduleFileSchema } from "./schedule-file.ts";

const marginError = "a number from 0";
const boostError = "a number from 0";
const alphaError = "a number from 0 to 1";

/** Every option of `pioneer train`; the flags are these names in kebab-case (docs/algorithm.md, docs/recipes.md). */
export const trainSchema = z.strictObject({
  data: option(text("a pack, an image folder, an archive, or procedural:faces"), {
    value: "PATH",
    group: "Data",
    description: "pack, image folder, tar or zip to learn from, or procedural:faces; all but a pack are packed first",
  }),
  crop: option(oneOf(crops).optional(), {
    value: "HOW",
    group: "Data",
    description:
      "crop of the photos: center, none (they are square) or celeba; default: the pack's; when packing, celeba for CelebA, else center",
  }),
  labels: option(text("a CSV file").optional(), {
    value: "CSV",
    group: "Data",
    description: "labels of the images, first column the file; default: labels.csv in or beside the source",
  }),
  colour: option(oneOf(["auto", ...colours]).optional(), {
    value: "KIND",
    group: "Data",
    description: "rgb, grey, or auto: grey where every image is; default: the pack's, auto when packing",
  }),
  mirror: option(toggle().default(true), {
    group: "Data",
    description: "show images as they are; default: every image is mirrored half of the time",
  }),
  cacheDir: option(text("a folder").optional(), {
    value: "DIR",
    group: "Data",
    description: "where sources are packed; default: $XDG_CACHE_HOME/pioneer or ~/.cache/pioneer",
  }),

  resolution: option(resolution().optional(), {
    value: "R",
    group: "Model",
    description: "final width and height, a power of two, 4 to 1024 pixels; default: the pack's",
  }),
  latent: option(whole(2, 4096).default(512), {
    value: "N",
    group: "Model",
    description: "dimension of the latent space, 2 to 4096; default 512 as in the paper, 128 for a laptop",
  }),
  channels: option(whole(1, 4096).default(512), {
    value: "N",
    group: "Model",
    description: "channels of the widest layers, 1 to 4096; default 512 as in the paper, 128 for a laptop",
  }),
  recipe: option(oneOf(recipeNames).default("accv2018"), {
    value: "NAME",
    group: "Model",
    description:
      "losses and normalisation: accv2018, the paper's (default), balanced (WACV 2020), gan (WGAN-GP, samples only)",
  }),
  encoderOrder: option(oneOf(["authors", "joint"]).default("joint"), {
    value: "ORDER",
    group: "Model",
    description: "encoder sees real and fake images as one batch (joint, default) or one after the other (authors)",
  }),

  generatorSteps: option(whole(1, 8).optional(), {
    value: "N",
    group: "Losses",
    description: "generator updates for each encoder update, 1 to 8; default: the recipe's (balanced 1, others 2)",
  }),
  margin: option(z.number(marginError).min(0, marginError).optional(), {
    value: "M",
    group: "Losses",
    description: "keep the encoder's KL terms above -M all the time, 0 for never; default: the schedule's, else 0",
  }),
  realm: option(toggle().default(false), {
    group: "Losses",
    description: "where there is a margin, add the KL of real codes once more",
  }),
  boostreco: option(z.number(boostError).min(0, boostError).optional(), {
    value: "B",
    group: "Losses",
    description: "weigh the image error 1 + B (phase + alpha - 5) from 128x128 on, B from 0; default 0",
  }),
  klDirection: option(oneOf(klDirections).optional(), {
    value: "DIR",
    group: "Losses",
    description: "KL of codes to prior (qp, default) or of prior to codes (pq)",
  }),
  xMismatch: option(oneOf(mismatches).optional(), {
    value: "HOW",
    group: "Losses",
    description: "measure of the image error: L1 (default), L2 or cos",
  }),
  zMismatch: option(oneOf(mismatches).optional(), {
    value: "HOW",
    group: "Losses",
    description: "measure of the latent error: cos (default), L1 or L2",
  }),

  kimgPerPhase: option(positive().default(2400), {
    value: "K",
    group: "Schedule",
    description: "thousands of images per resolution, above 0; the last one gets twice as many; default 2400",
  }),
  totalKimg: option(positive().optional(), {
    value: "K",
    group: "Schedule",
    description: "stop after this many thousand images; default: the end of the schedule",
  }),
  schedule: option(scheduleFileSchema.optional(), {
    value: "FILE",
    group: "Schedule",
    description: 'JSON with entries such as {"images": 0, "phase": 0, "learningRate": 0.001, "margin": 0.05}',
  }),
  progression: option(toggle().default(true), {
    group: "Schedule",
    description: "train only the last resolution, faded in from the start: one and a half times a phase",
  }),
  startPhase: option(whole(0, 8).optional(), {
    value: "P",
    group: "Schedule",
    description: "begin at the start of this phase (0 is 4x4, 1 is 8x8 ...), 0 to 8; default 0",
  }),
  forceAlpha: option(z.number(alphaError).min(0, alphaError).max(1, alphaError).optional(), {
    value: "A",
    group: "Schedule",
    description: "weight of the newest block in every phase, 0 to 1; default: it rises over half a phase",
  }),
  resetOptimiser: option(toggle().default(false), {
    group: "Schedule",
    description: "forget Adam's moments when a phase begins",
  }),
  batch: option(batch, {
    value: "N",
    group: "Schedule",
    description:
      'images per step, from 2: a number, "32:64,64:32" by resolution, or auto: 128 up to 16x16, then halving',
  }),
  lr: option(positive(1).default(0.001), {
    value: "X",
    group: "Schedule",
    description: "learning rate of Adam, above 0, at most 1; default 0.001",
  }),
  emaDecay: option(share().default(0.999), {
    value: "D",
    group: "Schedule",
    description:
      "decay per step of the averaged generator, from 0, below 1; default 0.999; below 10,000 steps take 0.99",
  }),
  seed: option(whole(0).default(0), {
    value: "S",
    group: "Schedule",
    description: "seed of weights, latents and data order, a whole number from 0; default 0",
  }),

  precision: option(oneOf(["auto", "bf16", "fp32"]).default("auto"), {
    value: "P",
    group: "Computing",
    description: "bf16, fp32, or auto: bf16 where the hardware has it (default)",
  }),
  device: option(oneOf(["auto", "cpu", "cuda"]).default("auto"), {
    value: "D",
    group: "Computing",
    description: "cpu, cuda, or auto: cuda where there is one (default)",
  }),
  convolutions: option(oneOf(["auto", "direct", "winograd"]).default("auto"), {
    value: "C",
    group: "Computing",
    description:
      "3x3 convolutions of 256 and more channels: direct, winograd (4/9 of the multiplications, CPU only), or auto: the faster (default)",
  }),
  cudaGraphs: option(toggle().default(false), {
    group: "Computing",
    description: "record faded-in steps as CUDA graphs; less time of the host; not tried on a GPU yet",
  }),
  deterministic: option(toggle().default(false), {
    group: "Computing",
    description: "on CUDA take no operator whose result depends on scheduling: slower, resuming is exact as on a CPU",
  }),
  threads: option(whole(1, 1024).optional(), {
    value: "T",
    group: "Computing",
    description:
      "threads of libtorch, 1 to 1024; default: all cores that may be used; on a machine with other work, fewer are faster",
  }),

  run: option(text("a folder").default("runs/train"), {
    value: "DIR",
    group: "Run",
    description: "folder of the run; default runs/train",
  }),
  resume: option(toggle().default(false), {
    group: "Run",
    description: "go on with the run in --run; options not given are those it was started with",
  }),
  plan: option(toggle().default(false), {
    group: "Run",
    description: "print the schedule with expected hours and memory, and train nothing",
  }),
  maxMinutes: option(positive().optional(), {
    value: "M",
    group: "Run",
    description: "write a checkpoint and stop after this many minutes, above 0; default: no limit",
  }),
  checkpointKimg: option(positive().default(100), {
    value: "K",
    group: "Run",
    description: "thousands of images between checkpoints, above 0; default 100",
  }),
  checkpointMinutes: option(positive().default(15), {
    value: "M",
    group: "Run",
    description: "most minutes between checkpoints, above 0; default 15",
  }),
  keep: option(whole(0).default(3), {
    value: "N",
    group: "Run",
    description: "how many of the newest checkpoints stay, 0 for all; default 3",
  }),
  gridKimg: option(positive().default(20), {
    value: "K",
    group: "Run",
    description: "thousands of images between picture grids, above 0; default 20",
  }),
  evaluateEvery: option(positive().optional(), {
    value: "K",
    group: "Run",
    description: "thousands of images between evaluations on 256 images, above 0; default: none",
  }),
});

/** A key of the configuration, such as kimgPerPhase. */
export type TrainKey = keyof typeof trainSchema.shape;

/**
 * What may change when a run goes on. fixed: it would be another run. free: it changes speed, place or output only. told: it
 * changes the training from there on, and the log says so. grows: may become larger. session: holds for one call of the
 * program and is not saved with the run.
 */
export const resumeRules = {
  data: "free",
  crop: "fixed",
  labels: "free",
  colour: "fixed",
  mirror: "fixed",
  cacheDir: "free",
  resolution: "grows",
  latent: "fixed",
  channels: "fixed",
  recipe: "fixed",
  encoderOrder: "fixed",
  generatorSteps: "fixed",
  margin: "fixed",
  realm: "fixed",
  boostreco: "fixed",
  klDirection: "fixed",
  xMismatch: "fixed",
  zMismatch: "fixed",
  schedule: "fixed",
  progression: "fixed",
  startPhase: "fixed",
  forceAlpha: "fixed",
  resetOptimiser: "fixed",
  kimgPerPhase: "fixed",
  totalKimg: "free",
  batch: "told",
  lr: "told",
  emaDecay: "fixed",
  seed: "fixed",
  precision: "free",
  device: "free",
  convolutions: "free",
  cudaGraphs: "free",
  deterministic: "free",
  threads: "free",
  run: "free",
  resume: "session",
  plan: "session",
  maxMinutes: "session",
  checkpointKimg: "free",
  checkpointMinutes: "free",
  keep: "free",
  gridKimg: "free",
  evaluateEvery: "free",
} as const satisfies Record<TrainKey, "fixed" | "free" | "told" | "grows" | "session">;
