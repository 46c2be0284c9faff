// The parts that compute with libtorch: importing this loads it.

export { evenly } from "./base/evenly.ts";
export {
  type Computing,
  checkCudaGraphs,
  chooseComputing,
  useComputing,
  type WantedComputing,
} from "./compute/device.ts";
export { busyWithOthers, type Computed, computed, mostOthers, processorName } from "./compute/processor.ts";
export { drawLatents, stream } from "./compute/streams.ts";
export { accv2018, type Recipe } from "./config/recipe.ts";
export { Batches, PackPixels } from "./data/batches.ts";
export { openPack, type Pack } from "./data/pack/pack.ts";
export { type Attribute, findAttribute } from "./directions/attributes.ts";
export { type DirectionOptions, directionsFromPack } from "./directions/from-pack.ts";
export { type Exported, type ExportOptions, exportGraphs, exportModel } from "./export/export-model.ts";
export { decodeAll, encodeAll } from "./images/batches.ts";
export { type Imported, type ImportOptions, importAuthors } from "./import/import-run.ts";
export { createLearner, disposeLearner, type Learner } from "./learner/learner.ts";
export { placeLearner } from "./learner/placement.ts";
export { cosineMismatch, klToPrior, l1, type Moments, type MomentsOf } from "./losses/index.ts";
export { type OpenModelOptions, openModel } from "./models/model.ts";
export { readModelConfig } from "./models/model-folder.ts";
export { openAnyModel } from "./models/open-model.ts";
export * from "./networks/index.ts";
export {
  ageObjective,
  type InputsOf,
  type LossesOf,
  type LossTerms,
  type Objective,
  type OverRanks,
  objectiveOf,
  type StepInputs,
  type StepSettings,
  wganObjective,
} from "./objectives/index.ts";
export { CapturedSteps } from "./train/captured-steps.ts";
export { measureComputing } from "./train/choose-layers.ts";
export { flopsPerImage } from "./train/cost.ts";
export { drawInputs } from "./train/inputs.ts";
export { readLosses } from "./train/loss-ring.ts";
export { overRanks, shareOf } from "./train/over-ranks.ts";
export { trainingFlags } from "./train/process-flags.ts";
export { trainStep } from "./train/step.ts";
