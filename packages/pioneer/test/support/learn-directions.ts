import type { Attribute } from "../../src/directions/attributes.ts";
import type { Direction } from "../../src/directions/file.ts";
import { directionsOf, type Latents, type LearnOptions, learnMoves } from "../../src/directions/learn.ts";

/** What `pioneer directions` learns of latents, as directions.json has it. */
export const learnDirections = (
  latents: Latents,
  attributes: readonly Attribute[],
  options: LearnOptions,
): Record<string, Direction> => directionsOf(learnMoves(latents, attributes, options), attributes.length, options);
