// Pictures of a run: the same test images and the same latents every time, through the pair that makes them.

import { join } from "node:path";
import { latentGrid, latentRow, sampleLatents } from "pioneer-runtime";
import { type Device, noGrad, scope, tensor } from "pioneer-torch";
import { evenly } from "../base/evenly.ts";
import { exactKimgText, kimgText } from "../checkpoint/files.ts";
import { fade, type PackPixels } from "../data/batches.ts";
import type { Pair } from "../learner/pair.ts";
import { encoderInUse, generatorInUse } from "../models/networks-in-use.ts";
import { type Growth, type Precision, resolutionOf } from "../networks/index.ts";
import { composeAt, composeGrid } from "../pictures/grid.ts";
import { squarePlaces } from "../pictures/morph-places.ts";
import { replacePng } from "../pictures/png.ts";
import type { RgbImage } from "../pictures/rgb-image.ts";

/** Images in the grids, and cells of a row: four pairs of photo and reconstruction, or eight images. */
const gridImages = 32;
const columns = 8;
const pairs = { groups: [2], headings: [{ text: "photo" }, { text: "reconstruction" }] };
const sampleCount = 64;
const latentSeed = 0;

/** A picture written to the run, and its bytes for TensorBoard. */
export interface Snapshot {
  readonly tag: "reals" | "recons" | "samples" | "morphs";
  readonly path: string;
  readonly png: Buffer;
  readonly width: number;
  readonly height: number;
}

export interface SnapshotSettings {
  readonly run: string;
  readonly images: number;
  /** Whether grids come more often than every thousand images. */
  readonly isDense: boolean;
  readonly growth: Growth;
  readonly precision: Precision;
  readonly device: Device;
}

/** Evenly spaced images of a split, at most `gridImages`: the same in every snapshot of a run. */
export const chooseGridImages = (split: Uint32Array): Uint32Array => evenly(split, gridImages);

/** reals.png: the fixed test images at the run's final resolution. */
export async function writeReals(
  run: string,
  pixels: PackPixels,
  chosen: Uint32Array,
  phase: number,
): Promise<Snapshot> {
  const images = scope(() => pixels.images(chosen, phase).toFloat32Array());
  return writeGrid("reals", join(run, "reals.png"), composeGrid(images, { resolution: resolutionOf(phase), columns }));
}

/**
 * recons-, samples- and morphs-<kimg>.png: reconstructions of the fixed test images, images of the fixed latents, and
 * an 8x8 grid between the first four test images, which stand beside its corners. Where the encoder only judges, samples.
 * The first thousand images, and grids that come more often, have names to the image: 00000000.630.
 */
export async function writeSnapshots(
  pair: Pair,
  pixels: PackPixels,
  chosen: Uint32Array,
  settings: SnapshotSettings,
): Promise<Snapshot[]> {
  const { run, images, growth } = settings;
  const pictures = scope(() => noGrad(() => render(pair, pixels, chosen, settings)));
  const kimg = settings.isDense || images < 1000 ? exactKimgText(images) : kimgText(images);
  const written: Snapshot[] = [];
  for (const [tag, picture] of Object.entries(compose(pictures, resolutionOf(growth.phase)))) {
    written.push(await writeGrid(tag as Snapshot["tag"], join(run, `${tag}-${kimg}.png`), picture));
  }
  return written;
}

/** Images [n, 3, r, r] of each picture. */
interface Rendered {
  readonly samples: Float32Array;
  /** Photos and reconstructions in turn. */
  readonly recons?: Float32Array;
  /** Four photos, then the square between them row by row. */
  readonly morphs?: Float32Array;
}

function compose(
  { recons, samples, morphs }: Rendered,
  resolution: number,
): Partial<Record<Snapshot["tag"], RgbImage>> {
  const { photos, cells, headings } = squarePlaces(columns);
  return {
    ...(recons && { recons: composeGrid(recons, { resolution, columns, ...pairs }) }),
    samples: composeGrid(samples, { resolution, columns }),
    ...(morphs && { morphs: composeAt(morphs, [...photos, ...cells], { resolution, headings }) }),
  };
}

function render(
  { encoder, generator }: Pair,
  pixels: PackPixels,
  chosen: Uint32Array,
  { growth, precision, device }: SnapshotSettings,
): Rendered {
  const generate = generatorInUse(generator, growth, precision, pixels.colour);
  const latent = encoder.size.latent;
  const size = 3 * resolutionOf(growth.phase) ** 2;

  /** In small batches: a grid must not need more memory than a training step. */
  const decode = (latents: Float32Array): Float32Array => {
    const count = latents.length / latent;
    const images = new Float32Array(count * size);
    for (let at = 0; at < count; at += columns) {
      const part = latents.slice(at * latent, Math.min(count, at + columns) * latent);
      images.set(
        scope(() => generate(tensor(part, [part.length / latent, latent]).to(device)).toFloat32Array()),
        at * size,
      );
    }
    return images;
  };

  const samples = decode(sampleLatents(sampleCount, latent, latentSeed));
  // An encoder that only judges makes no latents.
  if (encoder.kind.head) return { samples };

  const encode = encoderInUse(encoder, growth, precision);
  const originals = new Float32Array(chosen.length * size);
  const latents = new Float32Array(chosen.length * latent);
  for (let at = 0; at < chosen.length; at += columns) {
    scope(() => {
      const x = fade(pixels.images(chosen.slice(at, at + columns), growth.phase), growth);
      originals.set(x.toFloat32Array(), at * size);
      latents.set(encode(x.to(device)).toFloat32Array(), at * latent);
    });
  }
  return {
    recons: alternate(originals, decode(latents), size),
    samples,
    morphs: morphs(originals, latents, latent, size, decode),
  };
}

/** a0 b0 a1 b1 ... of images of `size` values. */
function alternate(a: Float32Array, b: Float32Array, size: number): Float32Array {
  const both = new Float32Array(2 * a.length);
  for (let at = 0; at < a.length; at += size) {
    both.set(a.subarray(at, at + size), 2 * at);
    both.set(b.subarray(at, at + size), 2 * at + size);
  }
  return both;
}

function morphs(
  originals: Float32Array,
  latents: Float32Array,
  latent: number,
  size: number,
  decode: (latents: Float32Array) => Float32Array,
): Float32Array {
  const count = latents.length / latent;
  const corner = (index: number) => latentRow(latents, latent, index % count);
  const grid = decode(latentGrid([corner(0), corner(1), corner(2), corner(3)], columns));
  const all = new Float32Array(4 * size + grid.length);
  for (let i = 0; i < 4; i++) all.set(originals.subarray((i % count) * size, ((i % count) + 1) * size), i * size);
  all.set(grid, 4 * size);
  return all;
}

async function writeGrid(tag: Snapshot["tag"], path: string, grid: RgbImage): Promise<Snapshot> {
  const png = await replacePng(path, grid);
  return { tag, path, png, width: grid.width, height: grid.height };
}
