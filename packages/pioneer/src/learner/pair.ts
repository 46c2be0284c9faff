import type { Encoder, Generator } from "../networks/index.ts";
import type { Learner } from "./learner.ts";

/**
 * Which generator and encoder make pictures. averaged: the moving averages, and the encoder itself where the recipe
 * averages only the generator. raw: both as they are trained.
 */
export const pairNames = ["averaged", "raw"] as const;
export type PairName = (typeof pairNames)[number];

/** Networks to make pictures with. */
export interface Pair {
  readonly encoder: Encoder;
  readonly generator: Generator;
}

export const pairOf = ({ generator, encoder, generatorEma, encoderEma }: Learner, name: PairName): Pair =>
  name === "raw" ? { encoder, generator } : { encoder: encoderEma ?? encoder, generator: generatorEma };
