// PIONEER Networks as a library: train, and use what was trained. Importing does nothing; libtorch is loaded by what needs it.
export { resolveTrainConfig, type TrainConfig } from "./config.ts";
export { openPack, type Pack } from "./data/pack.ts";
export { type PrepareOptions, type PrepareResult, prepareDataset } from "./data/prepare.ts";
export * from "./errors.ts";
export type { EndEvent, Losses, TickEvent, TrainEvent, TrainReporter } from "./train/events.ts";
export { type RunOptions, runTraining } from "./train/run.ts";
export { version } from "./version.ts";
