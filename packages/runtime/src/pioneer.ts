import type { FaceTemplate } from "./align.ts";
import { checkLatents } from "./check-latents.ts";
import { edit, type Strengths } from "./edit.ts";
import { ModelError } from "./errors.ts";
import type { DirectionsFile, ModelConfig } from "./folder.ts";
import { type ImageInput, type ImageSource, type Images, imageSource } from "./inputs.ts";
import { latentGrid, latentRow, latentSampler, slerp } from "./latent.ts";
import type { Colour, Crop, Model } from "./model.ts";
import { type Part, partFiles } from "./parts.ts";
import { type OutputImage, toRgba } from "./pixels.ts";
import type { Backend, Platform, Session, Sessions } from "./platform.ts";
import { type Refined, type RefineOptions, refine } from "./refine.ts";

/** What images come out as. */
export interface ImageForms {
  /** [count, 3, r, r], about [-1, 1], not clamped. */
  float32: Float32Array;
  /** ImageData in a page, {data, width, height} in Node. */
  image: OutputImage[];
  /** The bytes of PNG files. */
  png: Uint8Array<ArrayBuffer>[];
}
export type ImageForm = keyof ImageForms;

export interface CallOptions {
  /** Stops between batches; the batch that is being computed ends in the background. */
  readonly signal?: AbortSignal;
}

export interface DecodeOptions<F extends ImageForm = "float32"> extends CallOptions {
  readonly as?: F;
}

/** What a model is made of, for `load`. */
export interface ModelContents {
  readonly platform: Platform;
  readonly config: ModelConfig;
  readonly sessions: Sessions;
  readonly backend: Backend;
  readonly directions: DirectionsFile | undefined;
  readonly batch: number;
  readonly integrity: string;
}

/** A loaded model folder. Latents are Float32Array [count * latent], row after row, rows of length 1. */
export class PioneerModel implements Model {
  readonly config: ModelConfig;
  readonly resolution: number;
  readonly latent: number;
  readonly colour: Colour;
  readonly crop: Crop;
  readonly align: FaceTemplate | null;
  /** What computes, and why. */
  readonly backend: Backend;
  /** What was checked of the files when they were loaded, in words. */
  readonly integrity: string;
  /** Names for `edit`; empty where none were learned or loaded. */
  readonly directions: readonly string[];
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
    this.backend = contents.backend;
    this.integrity = contents.integrity;
    this.directions = Object.keys(contents.directions?.directions ?? {});
  }

  /** Images as the model sees them, cropped and resized: what to show beside a reconstruction. */
  async prepare<F extends ImageForm = "float32">(
    images: Images,
    options: DecodeOptions<F> = {},
  ): Promise<ImageForms[F]> {
    const inputs = this.#inputs(images);
    const made = await this.#collect(options.as ?? "float32", inputs.count, (start, count) => {
      return inputs.take(start, count, options.signal);
    });
    return made as ImageForms[F];
  }

  /**
   * Where images lie on the sphere.
   * @returns [count * latent], rows of length 1
   * @throws ModelError IMAGE, PART, BACKEND
   */
  encode(images: Float32Array, count: number): Promise<Float32Array>;
  encode(images: Images, options?: CallOptions): Promise<Float32Array>;
  async encode(images: Images, options: number | CallOptions = {}): Promise<Float32Array> {
    const encoder = this.#session("encoder");
    const inputs = this.#inputs(images, typeof options === "number" ? options : undefined);
    const signal = typeof options === "number" ? undefined : options.signal;
    const latents = new Float32Array(inputs.count * this.latent);
    for (const [start, count] of this.#batches(inputs.count)) {
      latents.set(
        await this.#encodeBatch(encoder, await inputs.take(start, count, signal), count, signal),
        start * this.latent,
      );
    }
    return latents;
  }

  /**
   * The images of latents.
   * @param options as: "float32" (default), "image" or "png"
   * @throws ModelError LATENT, PART, BACKEND
   */
  decode(latents: Float32Array, count: number): Promise<Float32Array>;
  decode<F extends ImageForm = "float32">(latents: Float32Array, options?: DecodeOptions<F>): Promise<ImageForms[F]>;
  async decode(latents: Float32Array, options: number | DecodeOptions<ImageForm> = {}): Promise<ImageForms[ImageForm]> {
    const generator = this.#session("generator");
    const count = checkLatents(latents, this.latent, typeof options === "number" ? options : undefined);
    const { as = "float32", signal } = typeof options === "number" ? {} : options;
    return this.#collect(as, count, (start, size) =>
      this.#decodeBatch(generator, latents.slice(start * this.latent, (start + size) * this.latent), size, signal),
    );
  }

  /** Images as the model knows them: encoded and decoded again. Takes what `encode` takes, gives what `decode` gives. */
  async reconstruct<F extends ImageForm = "float32">(
    images: Images,
    options: DecodeOptions<F> = {},
  ): Promise<ImageForms[F]> {
    const [encoder, generator] = [this.#session("encoder"), this.#session("generator")];
    const inputs = this.#inputs(images);
    const { as = "float32", signal } = options;
    const made = await this.#collect(as, inputs.count, async (start, count) => {
      const latents = await this.#encodeBatch(encoder, await inputs.take(start, count, signal), count, signal);
      return this.#decodeBatch(generator, latents, count, signal);
    });
    return made as ImageForms[F];
  }

  /**
   * Random images: of latents uniform on the sphere, those of `pioneer sample --seed`.
   * @param seed the same seed gives the same latents everywhere; more of them begin with the same ones
   */
  async sample<F extends ImageForm = "float32">(
    count: number,
    seed: number,
    options: DecodeOptions<F> = {},
  ): Promise<{ readonly latents: Float32Array; readonly images: ImageForms[F] }> {
    if (!Number.isSafeInteger(count) || count < 0 || !Number.isSafeInteger(seed)) {
      throw new ModelError(
        "OPTION",
        `sample: expected a count and a seed, both whole numbers, got ${count} and ${seed}`,
      );
    }
    this.#session("generator");
    const latents = latentSampler(this.latent, seed)(count);
    return { latents, images: await this.decode(latents, options) };
  }

  /**
   * The latent on the shortest way from a to b.
   * @param t 0 is a, 1 is b; beyond them the circle goes on
   */
  slerp(a: Float32Array, b: Float32Array, t: number): Float32Array {
    this.#oneLatent("slerp", a);
    this.#oneLatent("slerp", b);
    if (!Number.isFinite(t)) throw new ModelError("OPTION", `slerp: t is ${t}; 0 is the first latent, 1 the second`);
    return slerp(a, b, t);
  }

  /**
   * The n × n latents between four.
   * @param corners top left, top right, bottom left, bottom right; or one array of all four
   * @returns [n * n * latent], row by row
   */
  grid(corners: Float32Array | readonly Float32Array[], n: number): Float32Array {
    const four =
      corners instanceof Float32Array
        ? Array.from({ length: checkLatents(corners, this.latent) }, (_, i) => latentRow(corners, this.latent, i))
        : corners;
    const [topLeft, topRight, bottomLeft, bottomRight] = four;
    if (!topLeft || !topRight || !bottomLeft || !bottomRight || four.length !== 4) {
      throw new ModelError("LATENT", `grid: expected 4 latents, one for each corner, got ${four.length}`);
    }
    for (const corner of four) this.#oneLatent("grid", corner);
    if (!Number.isInteger(n) || n < 2) throw new ModelError("OPTION", `grid: expected at least 2 steps, got ${n}`);
    return latentGrid([topLeft, topRight, bottomLeft, bottomRight], n);
  }

  /**
   * Moves each latent along learned directions and back onto the sphere.
   * @param strengths by name, such as {smile: 1.5}; 1 is the spread of the attribute over the images it was learned from
   */
  edit(latents: Float32Array, strengths: Strengths): Float32Array {
    const { directions } = this.#contents;
    if (!directions) throw this.#notLoaded("directions");
    checkLatents(latents, this.latent);
    return edit(latents, strengths, directions);
  }

  /**
   * Brings the reconstruction of one image closer, without gradients.
   * @param latent where to begin; default the encoder's answer to the image
   * @param steps  each costs one encoding and one decoding
   */
  async refine(
    image: ImageInput,
    latent: Float32Array | undefined,
    steps: number,
    options: RefineOptions = {},
  ): Promise<Refined> {
    this.#session("encoder");
    this.#session("generator");
    if (!Number.isInteger(steps) || steps < 0) {
      throw new ModelError("OPTION", `refine: expected a whole number of steps, got ${steps}`);
    }
    if (latent) this.#oneLatent("refine", latent);
    const inputs = this.#inputs(image);
    if (inputs.count !== 1) throw new ModelError("IMAGE", `refine: expected one image, got ${inputs.count}`);
    const { signal } = options;
    const calls = {
      latent: this.latent,
      encode: (images: Float32Array) => this.encode(images, { ...(signal && { signal }) }),
      decode: (latents: Float32Array) => this.decode(latents, { ...(signal && { signal }) }),
    };
    return refine(calls, await inputs.take(0, 1, signal), latent, steps, options);
  }

  /** Frees the networks after the batches that wait to be computed; calls with more than these fail. Calling it again does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    const { encoder, generator } = this.#contents.sessions;
    await Promise.all([encoder?.release(), generator?.release()]);
  }

  #session(part: keyof Sessions): Session {
    if (this.#disposed) throw new ModelError("DISPOSED", "this model was disposed of: load it again");
    const session = this.#contents.sessions[part];
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

  /** Images made batch by batch, each turned into its form at once, so that memory holds one batch and the result. */
  async #collect(
    form: ImageForm,
    count: number,
    make: (start: number, count: number) => Promise<Float32Array>,
  ): Promise<ImageForms[ImageForm]> {
    const { platform } = this.#contents;
    const size = 3 * this.resolution ** 2;
    const convert = {
      float32: undefined,
      image: async (rgba: Uint8ClampedArray<ArrayBuffer>) => platform.toImage(rgba, this.resolution),
      png: (rgba: Uint8ClampedArray<ArrayBuffer>) => platform.toPng(rgba, this.resolution),
    };
    if (!Object.hasOwn(convert, form)) {
      throw new ModelError("OPTION", `as: there is no "${form}", only ${Object.keys(convert).join(", ")}`);
    }
    const turn = convert[form];
    const planes = new Float32Array(turn ? 0 : count * size);
    const pictures: (OutputImage | Uint8Array<ArrayBuffer>)[] = [];
    for (const [start, part] of this.#batches(count)) {
      const images = await make(start, part);
      if (!turn) planes.set(images, start * size);
      else {
        for (let i = 0; i < part; i++) {
          pictures.push(await turn(toRgba(images.subarray(i * size, (i + 1) * size), this.resolution)));
        }
      }
    }
    return turn ? (pictures as OutputImage[] | Uint8Array<ArrayBuffer>[]) : planes;
  }

  #inputs(images: Images, count?: number): ImageSource {
    return imageSource(images, this.config, this.#contents.platform, count);
  }

  #oneLatent(who: string, latent: Float32Array): void {
    const count = checkLatents(latent, this.latent);
    if (count !== 1) {
      throw new ModelError("LATENT", `${who}: expected one latent of ${this.latent} numbers, got ${count}`);
    }
  }
}
