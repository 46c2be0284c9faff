import { create } from "zustand";
import { middleSquare, type Placement } from "../image/placement.ts";
import { begin, change, endGesture, type History, redo, undo } from "./history.ts";
import type { Photo } from "./photos.ts";
import type { Saved } from "./shelf.ts";

/** What is edited: a photo, or a picture the model made by itself. */
export type Source =
  | { readonly kind: "photo"; readonly photo: Photo }
  | { readonly kind: "latent"; readonly name: string; readonly latent: Float32Array };

/** All that undo brings back. */
export interface Edit {
  readonly source: Source | undefined;
  /** Of a photo. */
  readonly placement: Placement | undefined;
  /** A latent in place of the encoder's answer: of refining. */
  readonly refined: Float32Array | undefined;
  readonly strengths: Readonly<Record<string, number>>;
  /** How much of the photo stays where the edit changes nothing, 0..1. */
  readonly detail: number;
}

const nothing: Edit = { source: undefined, placement: undefined, refined: undefined, strengths: {}, detail: 0 };

export const useEdit = create<History<Edit>>(() => begin(nothing));

/** One step; those of one gesture are undone together. */
export function edit(next: Partial<Edit>, gesture?: string): void {
  useEdit.setState((history) => change(history, { ...history.present, ...next }, gesture));
}

export const editEnded = () => useEdit.setState((history) => endGesture(history));
export const editUndo = () => useEdit.setState((history) => undo(history));
export const editRedo = () => useEdit.setState((history) => redo(history));
export const editNow = (): Edit => useEdit.getState().present;

/** Begins with a photo, its middle square. Strengths stay, so that one edit can be tried on many photos. */
export function editPhoto(photo: Photo, gesture?: string): void {
  edit({ source: { kind: "photo", photo }, placement: middleSquare(photo), refined: undefined }, gesture);
}

export function editLatent({ name, latent, strengths }: Saved, detail = editNow().detail): void {
  edit({ source: { kind: "latent", name, latent }, placement: undefined, refined: undefined, strengths, detail });
}

export function setStrength(name: string, strength: number): void {
  edit({ strengths: { ...editNow().strengths, [name]: strength } }, `strength ${name}`);
}

/** Another model knows other latents and directions: photos stay, the rest goes. */
export function editOtherModel(): void {
  const { source, placement } = editNow();
  const kept = source?.kind === "photo" ? { source, placement } : {};
  useEdit.setState(begin({ ...nothing, ...kept }));
}
