// A path as a model to use: a run or checkpoint is computed by libtorch, a model folder by ONNX Runtime. Each engine is loaded only
// where it is used, so that a model folder works where libtorch is not installed.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ModelConfig } from "pioneer-runtime";
import { graphPorts, type Model } from "pioneer-runtime/internal";
import { commandLine } from "../base/command-line.ts";
import { ConfigError } from "../base/errors.ts";
import type { TrainConfig } from "../config/config.ts";
import { openGraphs } from "../onnx/model.ts";
import type { Engine } from "./engines.ts";
import { isModelFolder, readModelConfig, verifyModelFile, weightsFile } from "./model-folder.ts";

export interface ModelOptions {
  /** By default libtorch for a run, ONNX Runtime for a model folder. */
  readonly engine?: Engine | undefined;
  /** For libtorch; ONNX Runtime computes on the CPU here. */
  readonly device?: TrainConfig["device"] | undefined;
  readonly threads?: number | undefined;
}

/**
 * Opens a run (its newest checkpoint), a checkpoint or a model folder.
 * @throws CheckpointError, DataError if it is missing or damaged; ConfigError if the engine cannot compute it
 */
export async function openAnyModel(path: string, options: ModelOptions = {}): Promise<Model> {
  const chosen = await engineOf(path, options.engine);
  if (chosen.kind === "folder") return openFolder(path, chosen.config, chosen.engine, options);
  const { openModel } = await import("./model.ts");
  return openModel(path, options);
}

/** What a path is, and what computes it. */
export type Chosen =
  | { readonly kind: "run"; readonly engine: "torch" }
  | { readonly kind: "folder"; readonly engine: Engine; readonly config: ModelConfig };

/** @throws ConfigError if the engine cannot compute it */
export async function engineOf(path: string, wanted: Engine | undefined): Promise<Chosen> {
  if (!(await isModelFolder(path))) {
    if (wanted === "onnx") {
      throw new ConfigError(
        `--engine onnx: ${path} is not a model folder; make one of a run by ${commandLine("export --run RUN --out MODEL")}`,
      );
    }
    return { kind: "run", engine: "torch" };
  }
  const config = await readModelConfig(path);
  if (wanted === "torch" && !existsSync(join(path, weightsFile))) {
    throw new ConfigError(
      `--engine torch: ${path} has no ${weightsFile}; export it with --weights, or leave --engine out`,
    );
  }
  return { kind: "folder", engine: wanted ?? "onnx", config };
}

/** Opens a model folder with one of the engines. @throws DataError if a file is missing or damaged */
export async function openFolder(
  path: string,
  config: ModelConfig,
  engine: Engine,
  options: ModelOptions,
): Promise<Model> {
  if (engine === "torch") {
    await verifyModelFile(path, weightsFile, config);
    const { openWeights } = await import("./model.ts");
    return openWeights(path, config, options);
  }
  if (options.device === "cuda") {
    throw new ConfigError(`--device cuda: ONNX Runtime computes ${path} on the CPU here; leave --device out`);
  }
  const hasEncoder = graphPorts.encoder.file in config.files;
  const verify = (file: string) => verifyModelFile(path, file, config);
  return openGraphs(path, config, { threads: options.threads, hasEncoder, verify });
}
