import { checkOptions } from "./check-options.ts";
import { ModelError } from "./errors.ts";
import { type FileType, fileTypes, type OutputBitmap, type OutputImage, toRgba } from "./pixels.ts";
import type { Platform } from "./platform.ts";

// What images of a model come out as.

/** Images as numbers. */
export interface ImageArray {
  /** About [-1, 1], not clamped. */
  readonly data: Float32Array;
  /** [count, 3, r, r] */
  readonly shape: readonly [count: number, channels: 3, height: number, width: number];
}

export interface ImageForms {
  /** ImageData in a page, {data, width, height} with RGBA in Node. */
  image: OutputImage[];
  /** Numbers with their shape. */
  array: ImageArray;
  /** For canvases and textures; in pages. The caller closes them. */
  bitmap: OutputBitmap[];
  /** Files of the type that `type` says. */
  blob: Blob[];
  /** The bytes of files. */
  png: Uint8Array<ArrayBuffer>[];
  jpeg: Uint8Array<ArrayBuffer>[];
  webp: Uint8Array<ArrayBuffer>[];
}
export type ImageForm = keyof ImageForms;

export interface CallOptions {
  /** Stops between batches; the batch that is being computed ends in the background. */
  readonly signal?: AbortSignal;
}

export interface DecodeOptions<F extends ImageForm = "image"> extends CallOptions {
  readonly as?: F;
  /** Of `as: "blob"`; default "image/png". */
  readonly type?: FileType;
  /** Of JPEG and WebP files, 0 to 1; default 0.9. */
  readonly quality?: number;
}

const forms = ["image", "array", "bitmap", "blob", "png", "jpeg", "webp"] as const satisfies ImageForm[];
const decodeOptions = ["as", "type", "quality", "signal"] as const satisfies (keyof DecodeOptions)[];
const defaultQuality = 0.9;

/** One image after the other, each turned into its form at once, so that memory holds one batch and the result. */
export interface Collector<F extends ImageForm> {
  /** @param planes [count, 3, r, r], those that follow */
  add(planes: Float32Array): Promise<void>;
  readonly made: ImageForms[F];
}

/** @param count how many images there will be */
export function collector<F extends ImageForm>(
  { as: wanted, type, quality = defaultQuality }: DecodeOptions<F>,
  count: number,
  resolution: number,
  platform: Pick<Platform, "toImage" | "toBitmap" | "toBlob">,
): Collector<F> {
  const as: ImageForm = wanted ?? "image";
  if (as === "array") return asArray(count, resolution) as Collector<F>;
  const pictures: unknown[] = [];
  const size = 3 * resolution ** 2;
  const bytes = async (rgba: Uint8ClampedArray<ArrayBuffer>, format: FileType) =>
    new Uint8Array(await (await platform.toBlob(rgba, resolution, format, quality)).arrayBuffer());
  const turn = {
    image: async (rgba: Uint8ClampedArray<ArrayBuffer>) => platform.toImage(rgba, resolution),
    bitmap: (rgba: Uint8ClampedArray<ArrayBuffer>) => platform.toBitmap(rgba, resolution),
    blob: (rgba: Uint8ClampedArray<ArrayBuffer>) => platform.toBlob(rgba, resolution, type ?? "image/png", quality),
    png: (rgba: Uint8ClampedArray<ArrayBuffer>) => bytes(rgba, "image/png"),
    jpeg: (rgba: Uint8ClampedArray<ArrayBuffer>) => bytes(rgba, "image/jpeg"),
    webp: (rgba: Uint8ClampedArray<ArrayBuffer>) => bytes(rgba, "image/webp"),
  }[as];
  return {
    async add(planes) {
      for (let at = 0; at < planes.length; at += size) {
        pictures.push(await turn(toRgba(planes.subarray(at, at + size), resolution)));
      }
    },
    made: pictures as ImageForms[F],
  };
}

function asArray(count: number, resolution: number): Collector<"array"> {
  const data = new Float32Array(count * 3 * resolution ** 2);
  let at = 0;
  return {
    async add(planes) {
      data.set(planes, at);
      at += planes.length;
    },
    made: { data, shape: [count, 3, resolution, resolution] },
  };
}

/** @throws ModelError OPTION for an option that there is not, or a value that it cannot have */
export function checkDecodeOptions(who: string, options: DecodeOptions<ImageForm>): void {
  checkOptions(who, options, decodeOptions);
  const { type, quality = defaultQuality } = options;
  const as = options.as ?? "image";
  if (!forms.includes(as)) {
    throw new ModelError("OPTION", `${who}: as: there is no "${as}", only ${forms.join(", ")}`);
  }
  if (type !== undefined && (as !== "blob" || !fileTypes.includes(type))) {
    throw new ModelError("OPTION", `${who}: type is of as: "blob", one of ${fileTypes.join(", ")}; got "${type}"`);
  }
  if (!(typeof quality === "number" && quality >= 0 && quality <= 1)) {
    throw new ModelError("OPTION", `${who}: quality: expected a number from 0 to 1, got ${quality}`);
  }
}
