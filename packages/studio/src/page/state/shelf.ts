import type { DirectionsFile, Strengths } from "pioneer-runtime";
import { type LearnedDirection, edit as move } from "pioneer-runtime/internal";
import { useMemo } from "react";
import { create } from "zustand";
import { useModels } from "./models.ts";

/** A picture of the model: what `strengths` make of a latent. */
export interface Saved {
  readonly name: string;
  readonly latent: Float32Array;
  readonly strengths: Strengths;
}

export type Direction = LearnedDirection;

/** What is kept beside the edit; the project file holds it. */
export interface Shelf {
  readonly favourites: readonly Saved[];
  /** Of the morph pad: top left, top right, bottom left, bottom right. */
  readonly corners: readonly (Saved | undefined)[];
  readonly taught: Readonly<Record<string, Direction>>;
}

export const emptyShelf: Shelf = {
  favourites: [],
  corners: [undefined, undefined, undefined, undefined],
  taught: {},
};

export const useShelf = create<Shelf>(() => emptyShelf);

/** The model's directions and those taught here, which come before others of their name. */
export function allDirections(): DirectionsFile {
  const { directions } = useModels.getState();
  return { ...directions, directions: { ...directions.directions, ...useShelf.getState().taught } };
}

export function useDirections(): Readonly<Record<string, Direction>> {
  const { directions } = useModels((state) => state.directions);
  const taught = useShelf((shelf) => shelf.taught);
  return useMemo(() => ({ ...directions, ...taught }), [directions, taught]);
}

/** The latent after an edit, the same array where nothing moves it. Directions that are gone count as 0. */
export function editedLatent(latent: Float32Array, strengths: Strengths, file = allDirections()): Float32Array {
  const known = Object.entries(strengths).filter(
    ([name, value]) => value !== 0 && Object.hasOwn(file.directions, name),
  );
  return known.length > 0 ? move(latent, Object.fromEntries(known), file) : latent;
}

const same = (one: Saved, other: Saved) =>
  one.latent.every((value, i) => value === other.latent[i]) &&
  JSON.stringify(one.strengths) === JSON.stringify(other.strengths);

/** Keeps a picture, or lets it go if it was kept. */
export function toggleFavourite(picture: Saved): void {
  useShelf.setState(({ favourites }) => {
    const others = favourites.filter((each) => !same(each, picture));
    return { favourites: others.length < favourites.length ? others : [...favourites, picture] };
  });
}

export const isFavourite = (favourites: readonly Saved[], picture: Saved): boolean =>
  favourites.some((each) => same(each, picture));

/** @param index of the corner; without one the first that is empty, else the last */
export function setCorner(picture: Saved | undefined, index?: number): void {
  useShelf.setState(({ corners }) => {
    const empty = corners.indexOf(undefined);
    const at = index ?? (empty === -1 ? corners.length - 1 : empty);
    return { corners: corners.map((corner, i) => (i === at ? picture : corner)) };
  });
}

/** A direction of this page goes; edits that went along it stay where they can. */
export const forget = (name: string): void =>
  useShelf.setState(({ taught }) => ({
    taught: Object.fromEntries(Object.entries(taught).filter(([other]) => other !== name)),
  }));

export const teach = (name: string, direction: Direction): void =>
  useShelf.setState(({ taught }) => ({ taught: { ...taught, [name]: direction } }));
