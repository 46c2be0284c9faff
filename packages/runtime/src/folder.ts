import {
  array,
  boolean,
  gt,
  gte,
  type infer as Infer,
  int,
  lte,
  nullable,
  number,
  object,
  enum as oneOf,
  optional,
  record,
  regex,
  string,
} from "zod/mini";
import { faceTemplate } from "./align.ts";
import { colours, crops } from "./model.ts";

// The files of a model folder (docs/design.md): config.json, encoder.onnx, generator.onnx, directions.json, README.md.

/** The format this version writes and reads; older ones are read, newer ones refused by name. */
export const modelFormat = 1;

/** Names of the graphs' one input and one output: images [batch, 3, r, r] in [-1, 1], latents [batch, latent]; float32 in all of them. */
export const graphPorts = {
  encoder: { file: "encoder.onnx", input: "images", output: "latents" },
  generator: { file: "generator.onnx", input: "latents", output: "images" },
} as const;

/** What weights may be stored as. */
export const weightFormats = ["fp32", "fp16", "int8"] as const;

const whole = int().check(gte(0));
const positive = int().check(gt(0));
/** Of latents and layers; what a file says beyond it would be memory for nothing. */
const width = int().check(gt(0), lte(4096));
const largestPhase = 8;

/** config.json of a model folder. */
export const modelConfig = object({
  format: positive,
  /** Width and height of its images, 4 · 2^phase. */
  resolution: int().check(gte(4), lte(4 * 2 ** largestPhase)),
  /** Dimension of its latent space. */
  latent: width,
  /** Widest layer. */
  channels: width,
  phase: int().check(gte(0), lte(largestPhase)),
  /** Of the run when it was exported; below 1 the blend of two resolutions is part of the graphs. */
  alpha: number().check(gt(0), lte(1)),
  recipe: string(),
  /** What the weights are stored as. The graphs' inputs and outputs are float32 always. */
  dtype: oneOf(weightFormats),
  colour: oneOf(colours),
  crop: oneOf(crops),
  /** Where the training photos had eyes and mouth, to which they were aligned; null where they were only cropped. */
  align: nullable(faceTemplate),
  /** Thousands of images shown in training. */
  kimg: number().check(gte(0)),
  /** Of the program that wrote the folder. */
  version: string(),
  /** Every other file of the folder that loading may read: its size, and its SHA-256 in hex. */
  files: record(string().check(regex(/^[^./\\\0][^/\\\0]*$/)), object({ bytes: whole, sha256: string() })),
});

export type ModelConfig = Infer<typeof modelConfig>;

/** directions.json: what `pioneer directions` learned. `{"format": 1, "latent": n, "directions": {}}` until then. */
export const directionsFile = object({
  format: positive,
  latent: width,
  directions: record(
    string(),
    object({
      /** Unit vector [latent]. */
      vector: array(number()),
      /** How far strength 1 goes along the vector before the latent is normalised again: one spread of the attribute (docs/editing.md). */
      unit: number().check(gt(0)),
      method: oneOf(["mean", "linear", "pca", "imported"]),
      /** Made orthogonal to those learned with it, so that its edit leaves their attributes. */
      orthogonal: boolean(),
      /** Attributes that its edit leaves, as far as the latents tell them; absent where there are none. */
      holds: optional(array(string())),
      /** Images it was learned from, and images of the data that have no value; absent for pca and what was imported. */
      fitted: optional(object({ count: whole, missing: whole })),
      /**
       * What strength 1 was seen to do to pictures of held-out images (`directions --calibrate`), in deviations of what is
       * read off them: to its own attribute, and to that which goes furthest of the others.
       */
      shown: optional(
        object({ images: whole, own: number(), other: optional(object({ name: string(), effect: number() })) }),
      ),
      /** On images that were held out of the fit: the mean of both sides' accuracy for categories, R² for numbers; absent for pca. */
      heldOut: optional(object({ kind: oneOf(["accuracy", "r2"]), value: number(), count: whole })),
    }),
  ),
});

export type DirectionsFile = Infer<typeof directionsFile>;

/** One of directions.json. */
export type LearnedDirection = DirectionsFile["directions"][string];
