import { joined } from "pioneer-runtime/internal";
import { planesOf } from "../image/planes.ts";
import { decodeInLine, useEngines } from "../state/engines.ts";
import { modelNow, type OpenModel } from "../state/models.ts";
import { report } from "../state/notices.ts";

// Small pictures of latents: each is computed once, a few at a time, those first that are waited for longest.

/** So few are computed at once that what is dragged never waits long. */
const atOnce = 4;

/** By the latent they are of; latents are never changed in place. */
let made = new WeakMap<Float32Array, Float32Array>();
let madeBy: OpenModel | undefined;
const wanted = new Map<Float32Array, Set<() => void>>();

/** The picture of a latent, if it was computed. */
export function pictureOf(latent: Float32Array): Float32Array | undefined {
  const model = modelNow();
  if (madeBy !== model) {
    made = new WeakMap();
    madeBy = model;
  }
  return made.get(latent);
}

/**
 * Has a picture computed.
 * @param onMade told once it is there
 * @returns says that it is not needed any more
 */
export function wantPicture(latent: Float32Array, onMade: () => void): () => void {
  const listeners = wanted.get(latent) ?? new Set();
  listeners.add(onMade);
  wanted.set(latent, listeners);
  void computeNext();
  return () => {
    listeners.delete(onMade);
    if (listeners.size === 0) wanted.delete(latent);
  };
}

// What an engine that died has left is computed by the next one.
useEngines.subscribe((now, before) => {
  if (now.active && now.active !== before.active && wanted.size > 0) void computeNext();
});

let computing = false;

async function computeNext(): Promise<void> {
  if (computing) return;
  computing = true;
  try {
    // Those that are asked for in the same moment go together.
    await Promise.resolve();
    while (wanted.size > 0) await computeSome();
  } catch (error) {
    // What is wanted still is tried again with what is wanted next.
    report(error);
  } finally {
    computing = false;
  }
}

async function computeSome(): Promise<void> {
  const latents = [...wanted.keys()].slice(0, atOnce);
  const model = modelNow();
  const { latent: dimension, resolution } = model.config;
  const right = latents.filter(({ length }) => length === dimension);
  const images = await decodeInLine(joined(Float32Array, right), dimension);
  const listeners = latents.flatMap((latent) => [...(wanted.get(latent) ?? [])]);
  for (const latent of latents) wanted.delete(latent);
  if (modelNow() !== model) return;
  for (const [i, latent] of right.entries()) {
    if (pictureOf(latent) === undefined) made.set(latent, planesOf(images, resolution, i).slice());
  }
  for (const tell of listeners) tell();
}
