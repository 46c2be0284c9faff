// model.safetensors: a checkpoint's networks with what it takes to build them.
import { existsSync } from "node:fs";
import { readSafetensors, scope, type Tensor, TorchError, writeSafetensors } from "pioneer-torch";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { type ModelNetworks, pairFrom, pairPrefixes } from "../checkpoint/checkpoint.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { pairNames } from "../learner/pair.ts";
import { networkKind } from "../networks/kind.ts";

type Weights = Pick<CheckpointState, "networks" | "pair">;

/** All networks as they were trained. @param from networks.safetensors of a checkpoint */
export function copyWeights(from: string, to: string, { networks, pair }: Weights): void {
  const { tensors } = readSafetensors(from);
  try {
    writeSafetensors(to, tensors, { networks: JSON.stringify(networks), pair });
  } finally {
    for (const value of tensors.values()) value.dispose();
  }
}

/**
 * Only the pair that pictures are made with, in half precision: a quarter of the size, or less.
 * @param from networks.safetensors of a checkpoint
 */
export function copyPairWeights(from: string, to: string, { networks, pair }: Weights): void {
  const { tensors } = readSafetensors(from);
  try {
    const prefixes = pairPrefixes(tensors, pair);
    const halves = () =>
      new Map(
        Object.entries(prefixes).flatMap(([network, prefix]) =>
          [...tensors]
            .filter(([name]) => name.startsWith(prefix))
            .map(([name, value]): [string, Tensor] => [`${network}.${name.slice(prefix.length)}`, value.to("float16")]),
        ),
      );
    scope(() => writeSafetensors(to, halves(), { networks: JSON.stringify(networks), pair: "raw" }));
  } finally {
    for (const value of tensors.values()) value.dispose();
  }
}

/** @throws DataError if the file is missing or not what it should be */
export function readWeights(path: string): Omit<ModelNetworks, "state"> {
  if (!existsSync(path)) throw new DataError(`${path} is missing: export the model with --weights`);
  try {
    const { tensors, metadata } = readSafetensors(path);
    try {
      const kind = networkKind.parse(JSON.parse(metadata.networks ?? "null"));
      return pairFrom(tensors, kind, z.enum(pairNames).default("averaged").parse(metadata.pair));
    } finally {
      for (const value of tensors.values()) value.dispose();
    }
  } catch (error) {
    if (error instanceof TorchError || error instanceof z.ZodError || error instanceof SyntaxError) {
      throw new DataError(`${path} does not hold a model's networks: export it again with --weights`, { cause: error });
    }
    throw error;
  }
}
