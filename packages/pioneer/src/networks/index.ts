export { composed as composedPasses } from "./composed.ts";
export { type Encode, Encoder, type Judge } from "./encoder.ts";
export { type Generate, Generator } from "./generator.ts";
export { blockCount, type Growth, type NetworkSize, phaseOf, resolutionOf, width } from "./growth.ts";
export { type NetworkKind, pioneerKind } from "./kind.ts";
export { normalise, type Precision } from "./layers.ts";
export type { SpectralUpdate } from "./network.ts";
