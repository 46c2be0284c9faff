import { latentRing, slerp } from "pioneer-runtime";
import { editedLatent, type Saved } from "../state/shelf.ts";

/** Top left, top right, bottom left, bottom right. */
export type Four = readonly [Float32Array, Float32Array, Float32Array, Float32Array];

/** Latents of the corners that are there, in their order. */
export const latentsOf = (corners: readonly (Saved | undefined)[]): Float32Array[] =>
  corners.filter((corner) => corner !== undefined).map(({ latent, strengths }) => editedLatent(latent, strengths));

/**
 * Two to four latents at the corners of a square: of three the last has the lower edge to itself, of two each has a side.
 * @returns undefined for fewer than two
 */
export function squareOfCorners(latents: readonly Float32Array[]): Four | undefined {
  const [a, b, c, d] = latents;
  if (!a || !b) return undefined;
  if (c && d) return [a, b, c, d];
  return c ? [a, b, c, c] : [a, b, a, b];
}

/** The latent at a place of the pad, as `latentGrid` has it. @param x from left to right, 0..1 @param y downwards */
export function latentAt([topLeft, topRight, bottomLeft, bottomRight]: Four, x: number, y: number): Float32Array {
  return slerp(slerp(topLeft, bottomLeft, y), slerp(topRight, bottomRight, y), x);
}

/** The way round the corners as the eye goes, closed. @param n latents from one corner to the next */
export function roundCorners(latents: readonly Float32Array[], n: number): Float32Array {
  const [a, b, c, d] = latents as Float32Array[];
  // The third and fourth lie below: clockwise is top left, top right, bottom right, bottom left.
  const ring = [a, b, d, c].filter((latent) => latent !== undefined);
  return latentRing(ring, n);
}

/** Where the k-th corner of a clockwise way lies on the pad. */
export function placeOnRing(count: number, t: number): { readonly x: number; readonly y: number } {
  const square = [
    { x: 0, y: 0 },
    { x: 1, y: 0 },
    { x: 1, y: 1 },
    { x: 0, y: 1 },
  ] as const;
  const stops =
    count === 4
      ? square
      : count === 3
        ? [square[0], square[1], { x: 0.5, y: 1 }]
        : [
            { x: 0, y: 0.5 },
            { x: 1, y: 0.5 },
          ];
  const at = t * stops.length;
  const [from, to] = [stops[Math.floor(at) % stops.length], stops[(Math.floor(at) + 1) % stops.length]] as [
    Place,
    Place,
  ];
  const share = at - Math.floor(at);
  return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
}

interface Place {
  readonly x: number;
  readonly y: number;
}
