import { create } from "zustand";
import type { WallOf } from "./wall.ts";

interface Explore {
  readonly of: WallOf;
  /** Tiles so far. */
  readonly count: number;
}

/** Tiles that come at once, as the page is scrolled. */
const more = 36;

export const useExplore = create<Explore>(() => ({ of: { seed: 1, radius: 0.35 }, count: more }));

export const showWall = (of: Partial<WallOf>): void =>
  useExplore.setState((state) => ({ of: { ...state.of, ...of }, count: more }));

export const showSamples = (): void =>
  useExplore.setState(({ of: { seed, radius } }) => ({ of: { seed, radius }, count: more }));

export const showMore = (): void => useExplore.setState(({ count }) => ({ count: count + more }));
