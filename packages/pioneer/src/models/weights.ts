// model.safetensors: a checkpoint's networks with what it takes to build them.
import { existsSync } from "node:fs";
import { readSafetensors, TorchError, writeSafetensors } from "pioneer-torch";
import { z } from "zod";
import { DataError } from "../base/errors.ts";
import { type ModelNetworks, pairFrom } from "../checkpoint/checkpoint.ts";
import type { CheckpointState } from "../checkpoint/state.ts";
import { pairNames } from "../learner/pair.ts";
import { networkKind } from "../networks/kind.ts";

type Weights = Pick<CheckpointState, "networks" | "pair">;

/** @param from networks.safetensors of a checkpoint */
export function copyWeights(from: string, to: string, { networks, pair }: Weights): void {
  const { tensors } = readSafetensors(from);
  try {
    writeSafetensors(to, tensors, { networks: JSON.stringify(networks), pair });
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
