// PIONEER Networks as a library: train, and use what was trained. Importing does nothing; libtorch is loaded by what needs it.

export * from "./base/errors.ts";
export { version } from "./base/version.ts";
export { resolveTrainConfig, type TrainConfig } from "./config/config.ts";
export { openPack, type Pack } from "./data/pack/pack.ts";
export { type PrepareOptions, type PrepareResult, prepareDataset } from "./data/prepare.ts";
export type { EndEvent, Losses, TickEvent, TrainEvent, TrainReporter } from "./train/events.ts";
export { type RunOptions, runTraining } from "./train/run.ts";
export { newRunConfig } from "./train/source.ts";
