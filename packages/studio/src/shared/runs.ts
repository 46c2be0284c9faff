// What the server says of runs: folders that `pioneer train` writes.
import { z } from "zod";
import { idSchema } from "./models.ts";

/** A line of stats.jsonl; what is not named here is passed on as it stands there. */
export const tickSchema = z.looseObject({
  images: z.number(),
  totalImages: z.number(),
  phase: z.number(),
  alpha: z.number(),
  resolution: z.number(),
  imagesPerSecond: z.number().nullable().optional(),
  etaPhaseSeconds: z.number().nullable().optional(),
  etaRunSeconds: z.number().nullable().optional(),
  /** Loss terms by the names they have everywhere; null where one was not finite. */
  losses: z.record(z.string(), z.number().nullable()),
  /** Mean of cos(z, E(G(z))), where the recipe measures it. */
  cosine: z.number().nullable().optional(),
  /** On held-out images, as last measured. */
  health: z
    .looseObject({
      images: z.number(),
      pair: z.string(),
      l1: z.number().nullable(),
      spread: z.number().nullable(),
      cosine: z.number().nullable(),
      /** Not in runs of before 30 November 2026. */
      variety: z.number().nullable().optional(),
    })
    .optional(),
  elapsedSeconds: z.number().optional(),
});
export type Tick = z.infer<typeof tickSchema>;

const checkpointSchema = z.object({
  /** checkpoint-00000402, a later one of the same thousand images checkpoint-00000402.640, or best. */
  name: idSchema,
  /** Thousands of images shown; null where its state.json cannot be read. */
  kimg: z.number().nullable(),
});

export const runSummary = z.object({
  id: idSchema,
  /** running: a process trains it now. */
  state: z.enum(["running", "starting", "stopped", "finished"]),
  /** In one line what is wrong with the folder, or why it ended; null where nothing is. */
  problem: z.string().nullable(),
  recipe: z.string().nullable(),
  data: z.string().nullable(),
  latent: z.number().nullable(),
  channels: z.number().nullable(),
  last: tickSchema.nullable(),
  checkpoints: z.array(checkpointSchema),
});
export type RunSummary = z.infer<typeof runSummary>;

/** GET api/runs */
export const runList = z.object({ folder: z.string(), runs: z.array(runSummary) });
export type RunList = z.infer<typeof runList>;

/** A place in the lines of a run, as the server gave it. */
export const cursorSchema = z.string().regex(/^\d{1,20}-\d{1,15}$/);

/** GET api/runs/ID/stats?from=CURSOR: the lines from there on, without it all. */
export const statsAnswer = z.object({
  ticks: z.array(tickSchema),
  /** The cursor to go on from. */
  next: cursorSchema,
  /** The lines before `from` are no longer so, as where a run went on from an earlier checkpoint: these are all there are. */
  restarted: z.boolean(),
});
export type StatsAnswer = z.infer<typeof statsAnswer>;

/** A picture of a run; its bytes are at api/runs/ID/grids/NAME. */
const gridSchema = z.object({
  /** recons-00000400.png, or reals.png */
  name: idSchema,
  /** samples, recons, morphs or reals */
  kind: z.string(),
  /** Thousands of images shown; null of reals.png, which is of no moment. */
  kimg: z.number().nullable(),
  /** Milliseconds since 1970: another value, another picture. */
  modified: z.number(),
});
export type Grid = z.infer<typeof gridSchema>;

/** GET api/runs/ID/grids */
export const gridList = z.array(gridSchema);

const path = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[^\0]+$/);

/** Options of `pioneer train` that a page may give; the meaning and default of each are the command's. */
const trainOptions = z.strictObject({
  /** A pack, an image folder, a tar or zip, or procedural:faces. */
  data: path.optional(),
  align: path.optional(),
  /** A model to begin with: a run or a checkpoint. */
  from: path.optional(),
  preset: z.string().max(64).optional(),
  recipe: z.enum(["accv2018", "balanced", "cycle", "gan"]).optional(),
  resolution: z.int().min(4).max(1024).optional(),
  latent: z.int().min(2).max(4096).optional(),
  channels: z.int().min(1).max(4096).optional(),
  channelProfile: z.int().min(4).max(1_000_000).optional(),
  batch: z.int().min(1).max(4096).optional(),
  minutes: z.number().positive().max(1_000_000).optional(),
  kimgPerPhase: z.number().positive().max(1_000_000).optional(),
  totalKimg: z.number().positive().max(1_000_000_000).optional(),
  checkpointKimg: z.number().positive().max(1_000_000).optional(),
  seed: z.int().min(0).optional(),
  threads: z.int().min(1).max(1024).optional(),
  augment: z.literal(true).optional(),
});
export type TrainOptions = z.infer<typeof trainOptions>;

/** POST api/runs. With `plan` nothing is started, and the answer is what `pioneer train --plan --json` says. */
export const startBody = z.object({ id: idSchema, plan: z.boolean().default(false), options: trainOptions });
export type StartBody = z.input<typeof startBody>;

export const planAnswer = z.object({ plan: z.looseObject({}) });
export type PlanAnswer = z.infer<typeof planAnswer>;

/** POST api/runs/ID/resume */
export const resumeBody = z.object({ maxMinutes: z.number().positive().max(1_000_000).optional() });

/** POST api/runs/ID/checkpoints/NAME/open: the id of the model that was made of it. */
export const openedAnswer = z.object({ model: idSchema });
export type OpenedAnswer = z.infer<typeof openedAnswer>;

/** GET api/events, by the name of the event: what has changed since it was opened. Who opens it first and reads then misses nothing. */
export interface StudioEvents {
  /** The list of models changed: read it again. */
  readonly models: Record<string, never>;
  /** The list of runs changed: read it again. */
  readonly runs: Record<string, never>;
  /** A run changed in something else than its lines and pictures. */
  readonly run: RunSummary;
  /** New lines of a run; `from` is the `next` of the ones before: who has another cursor asks for what is between. */
  readonly stats: { readonly run: string; readonly from: string } & StatsAnswer;
  /** New pictures of a run. */
  readonly grids: { readonly run: string; readonly grids: readonly Grid[] };
}
