// What our other packages share with this one, as pioneer-runtime/internal. It may change with any version.

export { faceTemplate, photoPoint } from "./align.ts";
export { cornersOf, type Region, regionOfSquare, squareOfRegion } from "./aligned-square.ts";
export { answer, Remote, whenNeeded } from "./browser/rpc.ts";
export { edit, longestMove, reachOf, shifted, stripStrengths } from "./edit.ts";
export { firstLine } from "./errors.ts";
export {
  directionsFile,
  graphPorts,
  type LearnedDirection,
  modelConfig,
  modelFormat,
  weightFormats,
} from "./folder.ts";
export { joined } from "./joined.ts";
export { latentSampler } from "./latent.ts";
export { colours, crops, type Model } from "./model.ts";
export { graphProblem } from "./onnx-file.ts";
export { toRgba, writePlanes } from "./pixels.ts";
export { Queue } from "./queue.ts";
export { refine } from "./refine.ts";
export { toSquare } from "./resize.ts";
export { Rng } from "./rng.ts";
export { principalDirections } from "./teach/components.ts";
