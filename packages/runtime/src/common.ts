// What the package gives to everybody, in Node and in pages. What only our other packages use is in internal.ts.

export {
  type FacePoints,
  type FaceTemplate,
  faceProblem,
  faceSimilarity,
  type Point,
  type Similarity,
  sideOf,
} from "./align.ts";
export { alignedSquare, shareBeyond } from "./aligned-square.ts";
export type { Latents } from "./check-latents.ts";
export type { Strengths } from "./edit.ts";
export { ModelError, type ModelErrorCode } from "./errors.ts";
export type { FaceBox } from "./faces/detector.ts";
export { type FaceFinder, type FoundFace, faceFiles } from "./faces/finder.ts";
export type { RequestOptions } from "./fetch.ts";
export type { DirectionsFile, ModelConfig } from "./folder.ts";
export type { CallOptions, DecodeOptions, ImageArray, ImageForm, ImageForms } from "./forms.ts";
export type { FacePhoto, ImageInput, Images } from "./inputs.ts";
export { latentGrid, latentRow, latentStrip, normalizeLatents, sampleLatents, slerp } from "./latent.ts";
export type { LoadOptions, LoadProgress } from "./load-options.ts";
export type { Colour, Crop, SeenAs } from "./model.ts";
export type { Part } from "./parts.ts";
export { hexagonRows, latentHexagon, latentLoop, latentRing, loopLength } from "./path.ts";
export type { Direction, PioneerModel, RefineCall, Sampled } from "./pioneer.ts";
export type { Drawable, FileType, OutputBitmap, OutputImage, Photo, PixelImage, SharpImage } from "./pixels.ts";
export type { Backend } from "./platform.ts";
export type { Refined, RefineOptions } from "./refine.ts";
export type { RgbPixels } from "./resize.ts";
export { Scheduler } from "./scheduler.ts";
export { leastTaught, type Sorted, type Taught, teach } from "./teach/teach.ts";
