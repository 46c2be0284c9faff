// From an edit to its pictures, each step computed again only where what it depends on changed.
import type { DirectionsFile, Similarity } from "pioneer-runtime";
import { blend, changeMask, editedShare } from "../image/mask.ts";
import { type Placement, similarityOf } from "../image/placement.ts";
import { meanDifference } from "../image/planes.ts";
import type { Edit } from "../state/edit.ts";
import type { Photo } from "../state/photos.ts";
import { editedLatent } from "../state/shelf.ts";

/** What rendering needs of the engines. */
export interface Tools {
  readonly square: (photo: Photo, similarity: Similarity) => Promise<Float32Array>;
  readonly encode: (image: Float32Array) => Promise<Float32Array>;
  readonly decode: (latents: Float32Array) => Promise<Float32Array>;
  readonly directions: DirectionsFile;
  readonly side: number;
}

/** All images are [3, side, side] in [-1, 1]. */
export interface Pictures {
  /** The edit that they are of. */
  readonly of: Edit;
  /** The photo's square; undefined for a picture that the model made. */
  readonly photo: Float32Array | undefined;
  /** Before the edit: the encoder's answer, the refined one, or the sample's. */
  readonly latent: Float32Array;
  readonly reconstruction: Float32Array;
  /** After the edit. */
  readonly edited: Float32Array;
  /** How much of the edited image each pixel takes, [side, side]. */
  readonly share: Float32Array;
  /** What is shown and saved. */
  readonly result: Float32Array;
  /** Mean |photo - reconstruction|, in [-1, 1]. */
  readonly error: number | undefined;
}

/** What was computed last, and from what. */
export interface Cache {
  photo?: { readonly of: Placement; readonly photo: Photo; readonly value: Float32Array };
  encoded?: { readonly of: Float32Array; readonly value: Float32Array };
  reconstruction?: { readonly of: Float32Array; readonly value: Float32Array };
}

export async function render(edit: Edit, tools: Tools, cache: Cache): Promise<Pictures> {
  const photo = await photoSquare(edit, tools, cache);
  const latent = await latentOf(edit, photo, tools, cache);
  if (cache.reconstruction?.of !== latent) {
    cache.reconstruction = { of: latent, value: await tools.decode(latent) };
  }
  const reconstruction = cache.reconstruction.value;
  const moved = editedLatent(latent, edit.strengths, tools.directions);
  const edited = moved === latent ? reconstruction : await tools.decode(moved);
  const share = editedShare(changeMask(edited, reconstruction, tools.side), photo ? edit.detail : 0);
  return {
    of: edit,
    photo,
    latent,
    reconstruction,
    edited,
    share,
    result: photo ? blend(photo, edited, share) : edited,
    error: photo && meanDifference(photo, reconstruction),
  };
}

async function photoSquare({ source, placement }: Edit, tools: Tools, cache: Cache): Promise<Float32Array | undefined> {
  if (source?.kind !== "photo" || !placement) return undefined;
  if (cache.photo?.of !== placement || cache.photo.photo !== source.photo) {
    const value = await tools.square(source.photo, similarityOf(placement));
    cache.photo = { of: placement, photo: source.photo, value };
  }
  return cache.photo.value;
}

async function latentOf(
  { source, refined }: Edit,
  photo: Float32Array | undefined,
  tools: Tools,
  cache: Cache,
): Promise<Float32Array> {
  if (refined) return refined;
  if (source?.kind === "latent") return source.latent;
  if (!photo) throw new Error("there is no picture to edit yet");
  if (cache.encoded?.of !== photo) cache.encoded = { of: photo, value: await tools.encode(photo) };
  return cache.encoded.value;
}
