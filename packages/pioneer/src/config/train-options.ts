import { z } from "zod";
import { encoderOrders, klDirections, mismatches } from "../losses/choices.ts";
import { blockCount, largestWidth } from "../networks/growth.ts";
import { batch } from "./batch.ts";
import { alignOptions } from "./face-template.ts";
import {
  number,
  type OptionInfo,
  oneOf,
  option,
  positive,
  resolution,
  share,
  text,
  toggle,
  whole,
} from "./option-schema.ts";
import { maxPixels } from "./photo-limits.ts";
import { accv2018, recipeNames, recipes } from "./recipe.ts";
import { scheduleFileSchema } from "./schedule-file.ts";
import { colour, crop, device, imageSource, precisions, threads } from "./shared-options.ts";

/**
 * What may change when a run goes on. fixed: it would be another run. free: it changes speed, place or output only.
 * told: it changes the training from there on, and the log says so. grows: may become larger. session: holds for one
 * call of the program and is not saved with the run.
 */
export type ResumeRule = "fixed" | "free" | "told" | "grows" | "session";

/** An option with its rule. */
function trained<T extends z.ZodType>(schema: T, { resume, ...info }: OptionInfo & { readonly resume: ResumeRule }): T {
  return ruled(option(schema, info), resume);
}

const ruled = <T extends z.ZodType>(described: T, resume: ResumeRule): T =>
  described.meta({ ...described.meta(), resume });

/** Every option of `pioneer train`; the flags are these names in kebab-case (docs/algorithm.md, docs/recipes.md). */
export const trainSchema = z.strictObject({
  data: trained(imageSource, {
    resume: "free",
    value: "PATH",
    group: "Data",
    description: "pack, image folder, tar or zip to learn from, or procedural:faces",
    note: "all but a pack are packed first",
  }),
  crop: trained(crop.optional(), {
    resume: "fixed",
    value: "HOW",
    group: "Data",
    description: "crop of the photos",
    default: "the pack's; when packing, celeba for CelebA, else center",
  }),
  align: ruled(alignOptions.align, "free"),
  template: ruled(alignOptions.template, "fixed"),
  labels: trained(text("a CSV file").optional(), {
    resume: "free",
    value: "CSV",
    group: "Data",
    description: "labels of the images, first column the file",
    default: "labels.csv in or beside the source",
  }),
  colour: trained(colour.optional(), {
    resume: "fixed",
    value: "KIND",
    group: "Data",
    description: "colour of the images",
    default: "the pack's, auto when packing",
  }),
  maxPixels: ruled(maxPixels("Data"), "free"),
  mirror: trained(toggle().default(true), {
    resume: "fixed",
    group: "Data",
    description: "show images as they are",
    default: "every image is mirrored half of the time",
  }),
  cacheDir: trained(text("a folder").optional(), {
    resume: "free",
    value: "DIR",
    group: "Data",
    description: "where sources are packed",
    default: "$XDG_CACHE_HOME/pioneer or ~/.cache/pioneer",
  }),

  resolution: trained(resolution().optional(), {
    resume: "grows",
    value: "R",
    group: "Model",
    description: "final width and height in pixels",
    default: "the pack's",
  }),
  latent: trained(whole(2, largestWidth).default(512), {
    resume: "fixed",
    value: "N",
    group: "Model",
    description: "dimension of the latent space",
    default: "as in the paper, 128 for a laptop",
  }),
  channels: trained(whole(1, largestWidth).default(512), {
    resume: "fixed",
    value: "N",
    group: "Model",
    description: "channels of the widest layers",
    default: "as in the paper, 128 for a laptop",
  }),
  channelProfile: trained(whole(4).optional(), {
    resume: "fixed",
    value: "BASE",
    group: "Model",
    description: "make layers of RxR pixels BASE / R channels wide, at most --channels",
    note: "with 128 channels, 1024 makes a step at 64x64 some four times cheaper",
    default: "32 times --channels: halved from 64x64 on, as in the paper",
  }),
  recipe: trained(
    oneOf(recipeNames, {
      accv2018: "the paper's",
      balanced: "WACV 2020",
      cycle: "for hours instead of weeks",
      gan: "WGAN-GP, samples only",
    }).default("accv2018"),
    { resume: "fixed", value: "NAME", group: "Model", description: "losses and normalisation" },
  ),
  encoderOrder: trained(
    oneOf(encoderOrders, { authors: "one after the other", joint: "as one batch" }).default("joint"),
    { resume: "fixed", value: "ORDER", group: "Model", description: "how the encoder sees real and fake images" },
  ),

  generatorSteps: trained(whole(1, 8).optional(), {
    resume: "fixed",
    value: "N",
    group: "Losses",
    description: "generator updates for each encoder update",
    default: `the recipe's (${recipeNames.map((name) => `${name} ${recipes[name].generatorSteps}`).join(", ")})`,
  }),
  margin: trained(number(0).optional(), {
    resume: "fixed",
    value: "M",
    group: "Losses",
    description: "keep the encoder's KL terms above -M all the time",
    note: "0 for never",
    default: "the schedule's, else the recipe's (cycle 0.05, others 0)",
  }),
  realm: trained(toggle().default(false), {
    resume: "fixed",
    group: "Losses",
    description: "where there is a margin, add the KL of real latents once more",
  }),
  boostreco: trained(number(0).optional(), {
    resume: "fixed",
    value: "B",
    group: "Losses",
    description: "weigh the image error 1 + B (phase + alpha - 5) from 128x128 on",
    default: String(accv2018.boostreco),
  }),
  klDirection: trained(oneOf(klDirections, { qp: "of latents to prior", pq: "of prior to latents" }).optional(), {
    resume: "fixed",
    value: "DIR",
    group: "Losses",
    description: "KL terms",
    default: accv2018.klDirection,
  }),
  xMismatch: trained(oneOf(mismatches).optional(), {
    resume: "fixed",
    value: "HOW",
    group: "Losses",
    description: "measure of the image error",
    default: accv2018.xMismatch,
  }),
  zMismatch: trained(oneOf(mismatches).optional(), {
    resume: "fixed",
    value: "HOW",
    group: "Losses",
    description: "measure of the latent error",
    default: accv2018.zMismatch,
  }),
  augment: trained(toggle().default(false), {
    resume: "told",
    group: "Losses",
    description: "compare real and generated images after random changes of colour, place and a hole (DiffAugment)",
    note: "for fewer than 2,000 images; not with gan",
  }),
  sharpen: trained(toggle().default(false), {
    resume: "told",
    group: "Losses",
    description: "make reconstructions as sharp as samples: the encoder learns to tell them from images too",
    note: "for the last tenth of a run on photos; not with gan",
  }),

  kimgPerPhase: trained(positive().default(2400), {
    resume: "fixed",
    value: "K",
    group: "Schedule",
    description: "thousands of images per resolution",
    note: "the last one gets twice as many",
  }),
  minutes: trained(positive().optional(), {
    resume: "free",
    value: "M",
    group: "Schedule",
    description: "train so long, over all sessions; phases end by their share of the time, not after --kimg-per-phase",
    note: "a slow or busy machine ends at smaller resolutions",
    default: "by images",
  }),
  totalKimg: trained(positive().optional(), {
    resume: "free",
    value: "K",
    group: "Schedule",
    description: "stop after this many thousand images",
    default: "the end of the schedule",
  }),
  schedule: trained(scheduleFileSchema.optional(), {
    resume: "fixed",
    value: "FILE",
    group: "Schedule",
    description: 'JSON with entries such as {"images": 0, "phase": 0, "learningRate": 0.001, "margin": 0.05}',
  }),
  progression: trained(toggle().default(true), {
    resume: "fixed",
    group: "Schedule",
    description: "train only the last resolution, faded in from the start: one and a half times a phase",
  }),
  startPhase: trained(whole(0, blockCount - 1).optional(), {
    resume: "fixed",
    value: "P",
    group: "Schedule",
    description: "begin at the start of this phase (0 is 4x4, 1 is 8x8 ...)",
    default: "0",
  }),
  forceAlpha: trained(number(0, 1).optional(), {
    resume: "fixed",
    value: "A",
    group: "Schedule",
    description: "weight of the newest block in every phase",
    default: "it rises over half a phase",
  }),
  resetOptimiser: trained(toggle().default(false), {
    resume: "fixed",
    group: "Schedule",
    description: "forget Adam's moments when a phase begins",
  }),
  batch: trained(batch, {
    resume: "told",
    value: "N",
    group: "Schedule",
    description: "images per step",
    default: "(128 up to 16x16, then halving)",
  }),
  lr: trained(positive(1).default(0.001), {
    resume: "told",
    value: "X",
    group: "Schedule",
    description: "learning rate of Adam",
  }),
  lrDecay: trained(share().optional(), {
    resume: "told",
    value: "S",
    group: "Schedule",
    description: "share of the run, at its end, over which the learning rate falls to a tenth, 0 for never",
    default: "the recipe's: 0, or 0.2 (cycle); rates of a --schedule stay as they are",
  }),
  adamBeta1: trained(share().optional(), {
    resume: "fixed",
    value: "B",
    group: "Schedule",
    description: "decay of Adam's first moment",
    default: "the recipe's: 0, or 0.5 (cycle)",
  }),
  emaDecay: trained(share().optional(), {
    resume: "fixed",
    value: "D",
    group: "Schedule",
    description: "decay per step of the averaged networks",
    default: "the recipe's: 0.999, too long below 10,000 steps, or (cycle) one that follows the run",
  }),
  seed: trained(whole(0).default(0), {
    resume: "fixed",
    value: "S",
    group: "Schedule",
    description: "seed of weights, latents and data order",
  }),

  precision: trained(
    oneOf(precisions, { auto: "for each phase the faster one, as measured; on CUDA bf16 where it has it" }).default(
      "auto",
    ),
    {
      resume: "free",
      value: "P",
      group: "Computing",
      description: "what layers compute in",
    },
  ),
  device: trained(device.default("auto"), {
    resume: "free",
    value: "D",
    group: "Computing",
    description: "what computes",
  }),
  convolutions: trained(
    oneOf(["auto", "direct", "winograd", "taps"], {
      auto: "for each layer the fastest, as measured",
      winograd: "4/9 of the multiplications in layers of 128 and more channels, CPU only",
      taps: "weight gradients as matrix products, CPU only",
    }).default("auto"),
    {
      resume: "free",
      value: "C",
      group: "Computing",
      description: "form of 3x3 convolutions",
    },
  ),
  cudaGraphs: trained(toggle().default(false), {
    resume: "free",
    group: "Computing",
    description: "record faded-in steps as CUDA graphs; less time of the host; not tried on a GPU yet",
  }),
  deterministic: trained(toggle().default(false), {
    resume: "free",
    group: "Computing",
    description: "on CUDA take no operator whose result depends on scheduling: slower, resuming is exact as on a CPU",
  }),
  threads: trained(threads.optional(), {
    resume: "free",
    value: "T",
    group: "Computing",
    description: "threads of libtorch",
    default: "one, half or all of the cores that may be used, whichever is measured to be faster",
  }),

  nproc: trained(whole(1, 64).default(1), {
    resume: "free",
    value: "N",
    group: "Computing",
    description: "processes of this machine that share each batch",
  }),

  run: trained(text("a folder").default("runs/train"), {
    resume: "free",
    value: "DIR",
    group: "Run",
    description: "folder of the run",
  }),
  from: trained(text("a run folder, a checkpoint or a model folder").optional(), {
    resume: "fixed",
    value: "MODEL",
    group: "Run",
    description:
      "begin with the networks of this run, checkpoint or model folder (exported with --weights), at their resolution; latent, channels, recipe and colour are theirs",
    note: "a higher --resolution grows on",
    default: "random networks",
  }),
  resume: trained(toggle().default(false), {
    resume: "session",
    group: "Run",
    description: "go on with the run in --run; options not given are those it was started with",
  }),
  plan: trained(toggle().default(false), {
    resume: "session",
    group: "Run",
    description: "print the schedule with expected hours and memory, and train nothing",
  }),
  maxMinutes: trained(positive().optional(), {
    resume: "session",
    value: "M",
    group: "Run",
    description: "write a checkpoint and stop after this many minutes",
    default: "no limit",
  }),
  checkpointKimg: trained(positive().default(100), {
    resume: "free",
    value: "K",
    group: "Run",
    description: "thousands of images between checkpoints",
  }),
  checkpointMinutes: trained(positive().default(15), {
    resume: "free",
    value: "M",
    group: "Run",
    description: "most minutes between checkpoints",
  }),
  keep: trained(whole(0).default(3), {
    resume: "free",
    value: "N",
    group: "Run",
    description: "how many of the newest checkpoints stay",
    note: "0 for all",
  }),
  gridKimg: trained(positive().default(20), {
    resume: "free",
    value: "K",
    group: "Run",
    description: "thousands of images between picture grids",
  }),
  evaluateEvery: trained(positive().optional(), {
    resume: "free",
    value: "K",
    group: "Run",
    description: "thousands of images between evaluations on 256 images; one more at the end",
    note: "the checkpoint with the smallest L1 stays as RUN/best, whatever --keep is",
    default: "none",
  }),
});

/** A key of the configuration, such as kimgPerPhase. */
export type TrainKey = keyof typeof trainSchema.shape;

/** What may be done with each option when a run goes on. */
export const resumeRules = Object.fromEntries(
  Object.entries(trainSchema.shape).map(([key, schema]) => [key, schema.meta()?.resume]),
) as Readonly<Record<TrainKey, ResumeRule>>;
