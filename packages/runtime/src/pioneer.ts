/// <reference lib="esnext.disposable" preserve="true" />
import type { FaceTemplate } from "./align.ts";
import { type Latents, readLatents } from "./check-latents.ts";
import { checkOptions } from "./check-options.ts";
import { edit, reachOf, type Strengths } from "./edit.ts";
import { ModelError } from "./errors.ts";
import type { DirectionsFile, LearnedDirection, ModelConfig } from "./folder.ts";
import {
  type CallOptions,
  type Collector,
  checkDecodeOptions,
  collector,
  type DecodeOptions,
  type ImageForm,
  type ImageForms,
} from "./forms.ts";
import { type ImageInput, type ImageSource, type Images, imageSource } from "./inputs.ts";
import { latentGrid, latentRow, sampleLatents, slerp } from "./latent.ts";
import type { Colour, Crop, SeenAs } from "./model.ts";
import { type Part, partFiles } from "./parts.ts";
import type { Backend, Platform, Session, Sessions, Started } from "./platform.ts";
import { type Refined, type RefineOptions, refine } from "./refine.ts";
import { releaseAll } from "./sessions.ts";

/** A learned direction, for a slider. */
export interface Direction {
  /** For `edit`. */
  readonly name: string;
  /** How far strength 1 goes along its vector: one spread of the attribute (docs/editing.md). */
  readonly unit: number;
  /** Where a slider ends, either way: the strength at which the move is 0.6 of a latent's length, at most 3. */
  readonly reach: number;
  readonly method: LearnedDirection["method"];
  /**
   * How well it was learned, on images that were held out: "accuracy" in [0, 1], the mean of both sides', for categories
   * (0.5 is a guess), "r2" for numbers. null where nothing was held out (pca, imported).
   */
  readonly score: { readonly kind: "accuracy" | "r2"; readonly value: number; readonly count: number } | null;
  /**
   * What strength 1 was seen to do to pictures of held-out images, in deviations of what is read off them: to its own
   * attribute, and to that which goes furthest of the others. null where it was not tried (`pioneer directions --calibrate`).
   */
  readonly shown: NonNullable<LearnedDirection["shown"]> | null;
}

export interface RefineCall extends RefineOptions {
  readonly from?: Latents;
  readonly steps?: number;
}

/** What `sample` gives. */
export interface Sampled<F extends ImageForm = "image"> {
  /** [count * latent] */
  readonly latents: Float32Array;
  readonly images: ImageForms[F];
  /** The one that was given, or drawn: gives the same again. */
  readonly seed: number;
}

/** What a model is made of, for `load`. */
export interface ModelContents {
  readonly platform: Platform;
  readonly config: ModelConfig;
  readonly started: Started;
  readonly directions: DirectionsFile | undefined;
  readonly batch: number;
  readonly integrity: string;
}

/** Of latents at once: 4 GiB. */
const mostNumbers = 2 ** 30;

/** A loaded model folder. Latents are Float32Array [count * latent], row after row, rows of length 1. */
export class PioneerModel implements SeenAs, AsyncDisposable {
  readonly config: ModelConfig;
  readonly resolution: number;
  readonly latent: number;
  readonly colour: Colour;
  readonly crop: Crop;
  readonly align: FaceTemplate | null;
  /** What was checked of the files when they were loaded, in words. */
  readonly integrity: string;
  /** For `edit`; empty where none were learned or loaded. */
  readonly directions: readonly Direction[];
  readonly #contents: ModelContents;
  #disposed = false;

  constructor(contents: ModelContents) {
    const { config } = contents;
    this.#contents = contents;
    this.config = config;
    this.resolution = config.resolution;
    this.latent = config.latent;
    this.colour = config.colour;
    this.crop = config.crop;
    this.align = config.align;
    this.integrity = contents.integrity;
    this.directions = Object.entries(contents.directions?.directions ?? {}).map(([name, learned]) => {
      const { unit, method, heldOut = null, shown = null } = learned;
      return { name, unit, reach: reachOf(learned), method, score: heldOut, shown };
    });
  }

  /** What computes, and why. In a page WebGPU may take over from WASM later: `settled`. */
  get backend(): Backend {
    return this.#contents.started.backend();
  }

  /** What goes on computing, once that is sure: with backend "auto" in a page WebGPU is timed after loading. */
  get settled(): Promise<Backend> {
    return this.#contents.started.settled.then(() => this.backend);
  }

  /** Images as the model sees them, cropped and resized: what to show beside a reconstruction. */
  async prepare<F extends ImageForm = "image">(images: Images, options: DecodeOptions<F> = {}): Promise<ImageForms[F]> {
    checkDecodeOptions("prepare", options);
    const inputs = this.#inputs(images);
    const pictures = this.#collector(options, inputs.count);
    for (const [start, count] of this.#batches(inputs.count)) {
      if (start > 0) await othersTurn();
      await pictures.add(await inputs.take(start, count, options.signal));
    }
    return pictures.made;
  }

  /**
   * Where images lie on the sphere.
   * @returns [count * latent], rows of length 1
   * @throws ModelError IMAGE, PART, BACKEND
   */
  async encode(images: Images, options: CallOptions = {}): Promise<Float32Array> {
    checkOptions("encode", options, ["signal"]);
    const encoder = this.#session("encoder");
    const inputs = this.#inputs(images);
    const { signal } = options;
    const latents = new Float32Array(inputs.count * this.latent);
    for (const [start, count] of this.#batches(inputs.count)) {
      if (start > 0) await othersTurn();
      latents.set(
        await this.#encodeBatch(encoder, await inputs.take(start, count, signal), count, signal),
        start * this.latent,
      );
    }
    return latents;
  }

  /**
   * The images of latents.
   * @param options as: "image" (default), "array" (numbers and their shape), "bitmap", "blob", "png", "jpeg" or "webp"
   * @throws ModelError LATENT, PART, BACKEND
   */
  async decode<F extends ImageForm = "image">(
    latents: Latents,
    options: DecodeOptions<F> = {},
  ): Promise<ImageForms[F]> {
    checkDecodeOptions("decode", options);
    const generator = this.#session("generator");
    const rows = readLatents(latents, this.latent);
    const pictures = this.#collector(options, rows.length / this.latent);
    for (const [start, count] of this.#batches(rows.length / this.latent)) {
      if (start > 0) await othersTurn();
      const batch = rows.slice(start * this.latent, (start + count) * this.latent);
      await pictures.add(await this.#decodeBatch(generator, batch, count, options.signal));
    }
    return pictures.made;
  }

  /** Images as the model knows them: encoded and decoded again. Takes what `encode` takes, gives what `decode` gives. */
  async reconstruct<F extends ImageForm = "image">(
    images: Images,
    options: DecodeOptions<F> = {},
  ): Promise<ImageForms[F]> {
    checkDecodeOptions("reconstruct", options);
    const [encoder, generator] = [this.#session("encoder"), this.#session("generator")];
    const inputs = this.#inputs(images);
    const { signal } = options;
    const pictures = this.#collector(options, inputs.count);
    for (const [start, count] of this.#batches(inputs.count)) {
      if (start > 0) await othersTurn();
      const latents = await this.#encodeBatch(encoder, await inputs.take(start, count, signal), count, signal);
      await pictures.add(await this.#decodeBatch(generator, latents, count, signal));
    }
    return pictures.made;
  }

  /**
   * Random images: of latents uniform on the sphere, those of `pioneer sample --seed`.
   * @param seed the same seed gives the same latents everywhere; more of them begin with the same ones. Default one drawn
   * at random, which comes back with them
   */
  async sample<F extends ImageForm = "image">(
    count = 1,
    seed: number = crypto.getRandomValues(new Uint32Array(1))[0] as number,
    options: DecodeOptions<F> = {},
  ): Promise<Sampled<F>> {
    checkDecodeOptions("sample", options);
    if (!Number.isSafeInteger(count) || count < 0 || !Number.isSafeInteger(seed)) {
      throw new ModelError(
        "OPTION",
        `sample: expected a count and a seed, both whole numbers, got ${count} and ${seed}`,
      );
    }
    this.#session("generator");
    this.#checkCount("sample", count);
    const latents = sampleLatents(count, this.latent, seed);
    return { latents, images: await this.decode(latents, options), seed };
  }

  /**
   * The latent on the shortest way from a to b.
   * @param t 0 is a, 1 is b; beyond them the circle goes on
   */
  slerp(a: Latents, b: Latents, t: number): Float32Array {
    if (!Number.isFinite(t)) throw new ModelError("OPTION", `slerp: t is ${t}; 0 is the first latent, 1 the second`);
    return slerp(this.#oneLatent("slerp", a), this.#oneLatent("slerp", b), t);
  }

  /**
   * The n × n latents between four.
   * @param corners top left, top right, bottom left, bottom right
   * @returns [n * n * latent], row by row
   */
  grid(corners: Latents, n: number): Float32Array {
    const rows = readLatents(corners, this.latent);
    const [topLeft, topRight, bottomLeft, bottomRight] = [0, 1, 2, 3].map((i) => latentRow(rows, this.latent, i));
    if (!topLeft || !topRight || !bottomLeft || !bottomRight || rows.length !== 4 * this.latent) {
      throw new ModelError("LATENT", `grid: expected 4 latents, one for each corner, got ${rows.length / this.latent}`);
    }
    if (!Number.isInteger(n) || n < 2) throw new ModelError("OPTION", `grid: expected at least 2 steps, got ${n}`);
    this.#checkCount("grid", n * n);
    return latentGrid([topLeft, topRight, bottomLeft, bottomRight], n);
  }

  /**
   * Moves each latent along learned directions and back onto the sphere.
   * @param strengths by name, such as {smile: 1.5}; 1 is the spread of the attribute over the images it was learned from
   */
  edit(latents: Latents, strengths: Strengths): Float32Array {
    const { directions } = this.#contents;
    if (!directions) throw this.#notLoaded("directions");
    return edit(readLatents(latents, this.latent), strengths, directions);
  }

  /**
   * Brings the reconstruction of one image closer, without gradients.
   * @param options from: the latent to begin with, default the encoder's answer to the image; steps: at most so many
   * (default 30), each one encoding and one decoding
   */
  async refine(image: ImageInput, options: RefineCall = {}): Promise<Refined> {
    checkOptions("refine", options, ["from", "steps", "onStep", "signal"]);
    const [encoder, generator] = [this.#session("encoder"), this.#session("generator")];
    const { from, steps = 30, signal } = options;
    if (!Number.isInteger(steps) || steps < 0) {
      throw new ModelError("OPTION", `refine: expected a whole number of steps, got ${steps}`);
    }
    if (options.onStep !== undefined && typeof options.onStep !== "function") {
      throw new ModelError("OPTION", `refine: onStep: expected a function, got ${typeof options.onStep}`);
    }
    const start = from && this.#oneLatent("refine", from);
    const inputs = this.#inputs(image);
    if (inputs.count !== 1) throw new ModelError("IMAGE", `refine: expected one image, got ${inputs.count}`);
    const calls = {
      latent: this.latent,
      encode: (images: Float32Array) => this.#encodeBatch(encoder, images, 1, signal),
      decode: (latents: Float32Array) => this.#decodeBatch(generator, latents, 1, signal),
    };
    return refine(calls, await inputs.take(0, 1, signal), start, steps, options);
  }

  /** Frees the networks after the batches that wait to be computed; calls with more than these fail. Calling it again does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await releaseAll(this.#contents.started.sessions);
    this.#contents.platform.close?.();
  }

  /** For `await using model = await Pioneer.load(...)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #session(part: keyof Sessions): Session {
    if (this.#disposed) throw new ModelError("DISPOSED", "this model was disposed of: load it again");
    const session = this.#contents.started.sessions[part];
    if (!session) throw this.#notLoaded(part);
    return session;
  }

  #notLoaded(part: Part): ModelError {
    const there = partFiles[part] in this.config.files;
    const mend = there ? `add "${part}" to the option parts of Pioneer.load` : "the model folder has none";
    return new ModelError("PART", `the ${part} ${part === "directions" ? "were" : "was"} not loaded: ${mend}`);
  }

  async #encodeBatch(encoder: Session, images: Float32Array, count: number, signal: AbortSignal | undefined) {
    const latents = await encoder.run(images, [count, 3, this.resolution, this.resolution], signal);
    return this.#finite(latents, "encoder");
  }

  async #decodeBatch(generator: Session, latents: Float32Array, count: number, signal: AbortSignal | undefined) {
    return this.#finite(await generator.run(latents, [count, this.latent], signal), "generator");
  }

  #finite(values: Float32Array, part: keyof Sessions): Float32Array {
    if (values.every(Number.isFinite)) return values;
    const mend = this.backend.name === "webgpu" ? 'try backend: "wasm"' : "export the model again with --dtype fp32";
    throw new ModelError("BACKEND", `the ${part} gave values that are no numbers (${this.backend.name}): ${mend}`);
  }

  *#batches(count: number): Generator<[start: number, count: number]> {
    const { batch } = this.#contents;
    for (let start = 0; start < count; start += batch) yield [start, Math.min(batch, count - start)];
  }

  #collector<F extends ImageForm>(options: DecodeOptions<F>, count: number): Collector<F> {
    return collector(options, count, this.resolution, this.#contents.platform);
  }

  #inputs(images: Images): ImageSource {
    return imageSource(images, this.config, this.#contents.platform);
  }

  #checkCount(who: string, count: number): void {
    if (count * this.latent <= mostNumbers) return;
    throw new ModelError("OPTION", `${who}: ${count} latents are too many for the memory: ask for some at a time`);
  }

  #oneLatent(who: string, latent: Latents): Float32Array {
    const row = readLatents(latent, this.latent);
    if (row.length === this.latent) return row;
    const count = row.length / this.latent;
    throw new ModelError("LATENT", `${who}: expected one latent of ${this.latent} numbers, got ${count}`);
  }
}

/** Between two batches: what computes may keep this thread busy, with which the rest of the program runs. */
const othersTurn = () => new Promise((resolve) => setTimeout(resolve));
