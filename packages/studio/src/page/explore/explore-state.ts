import { create } from "zustand";
import type { WallOf } from "./wall.ts";

/** A wall of pictures, or axes to walk along. */
export type ExploreView = "samples" | "axes";

interface Explore {
  readonly view: ExploreView;
  readonly of: WallOf;
  /** Tiles so far. */
  readonly count: number;
}

/** Tiles that come at once, as the page is scrolled. */
const more = 36;

export const useExplore = create<Explore>(() => ({ view: "samples", of: { seed: 1, radius: 0.35 }, count: more }));

export const showWall = (of: Partial<WallOf>): void =>
  useExplore.setState((state) => ({ view: "samples", of: { ...state.of, ...of }, count: more }));

export const showSamples = (): void =>
  useExplore.setState(({ of: { seed, radius } }) => ({ of: { seed, radius }, count: more }));

export const showView = (view: ExploreView): void => useExplore.setState({ view });

export const showMore = (): void => useExplore.setState(({ count }) => ({ count: count + more }));
