import { create } from "zustand";
import { sampleOf } from "../state/samples.ts";
import { setCorner, useShelf } from "../state/shelf.ts";

interface Morph {
  /** Where the point is, 0..1. */
  readonly x: number;
  readonly y: number;
  readonly playing: boolean;
}

export const useMorph = create<Morph>(() => ({ x: 0.5, y: 0.5, playing: false }));

const within = (value: number) => Math.max(0, Math.min(1, value));

export const moveTo = (x: number, y: number): void => useMorph.setState({ x: within(x), y: within(y) });

/** A pad with nothing on it begins with four samples, so that there is something to drag. */
export function inviteIfEmpty(): void {
  if (useShelf.getState().corners.some((corner) => corner !== undefined)) return;
  for (const [i, seed] of [11, 12, 13, 14].entries()) setCorner(sampleOf(seed), i);
}
