export { type Encode, Encoder, type SpectralUpdate } from "./encoder.ts";
export { type Generate, Generator } from "./generator.ts";
export { blockCount, type Growth, type NetworkSize, phaseOf, resolutionOf, width } from "./growth.ts";
export { normalise, type Precision } from "./layers.ts";
