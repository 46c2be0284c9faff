// The parts that compute with libtorch: importing this loads it.
export { Batches, PackPixels } from "./data/batches.ts";
export { openPack } from "./data/pack.ts";
export { type DirectionOptions, directionsFromPack } from "./directions/from-pack.ts";
export { type Exported, type ExportOptions, exportGraphs, exportModel } from "./export/export-model.ts";
export { type Imported, type ImportOptions, importAuthors } from "./import/import-run.ts";
export { cosineMismatch, klToPrior, l1, type Reduce } from "./losses/index.ts";
export { type OpenModelOptions, openModel } from "./model.ts";
export * from "./networks/index.ts";
export { flopsPerImage } from "./train/cost.ts";
export { type Computing, chooseComputing, useComputing } from "./train/device.ts";
export { drawInputs } from "./train/inputs.ts";
export { createLearner, disposeLearner, type Learner } from "./train/learner.ts";
export { readLosses } from "./train/meter.ts";
export { placeLearner } from "./train/placement.ts";
export { accv2018, type Recipe } from "./train/recipe.ts";
export { type StepInputs, type StepLosses, type StepSettings, trainStep } from "./train/step.ts";
export { drawLatents, stream } from "./train/streams.ts";
