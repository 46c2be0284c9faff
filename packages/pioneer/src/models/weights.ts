// model.safetensors: a checkpoint's networks with what it takes to build them.
import { existsSync } from "node:fs";
import { readSafetensors, scope, type Tensor, TorchError, writeSafetensors } from "pioneer-torch";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { type ModelNetworks, pairFrom, pairPrefixes } from "../checkpoint/checkpoint.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { type PairName, pairNames } from "../learner/pair.ts";
import { networkKind } from "../networks/kind.ts";

type Weights = Pick<CheckpointState, "networks" | "pair">;

/** All networks as they were trained. @param from networks.safetensors of a checkpoint */
export const copyWeights = (from: string, to: string, { networks, pair }: Weights): void =>
  copyTensors(from, to, { networks: JSON.stringify(networks), pair }, (tensors) => tensors);

/**
 * Only the pair that pictures are made with, in half precision: a third of the size, or less.
 * @param from networks.safetensors of a checkpoint
 */
export const copyPairWeights = (from: string, to: string, { networks, pair }: Weights): void =>
  copyTensors(from, to, { networks: JSON.stringify(networks), pair: "raw" }, (tensors) => halvesOf(tensors, pair));

type Tensors = ReadonlyMap<string, Tensor>;

function copyTensors(from: string, to: string, facts: Record<string, string>, changed: (tensors: Tensors) => Tensors) {
  const { tensors } = readSafetensors(from);
  try {
    scope(() => writeSafetensors(to, changed(tensors), facts));
  } finally {
    for (const value of tensors.values()) value.dispose();
  }
}

/** The networks of a pair, under the names of networks that are not averaged. The tensors are the caller's scope's. */
function halvesOf(tensors: Tensors, pair: PairName): Tensors {
  const prefixes = Object.entries(pairPrefixes(tensors, pair));
  const halves = new Map<string, Tensor>();
  for (const [name, value] of tensors) {
    const [network, prefix = ""] = prefixes.find(([, prefix]) => name.startsWith(prefix)) ?? [];
    if (network !== undefined) halves.set(`${network}.${name.slice(prefix.length)}`, value.to("float16"));
  }
  return halves;
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
