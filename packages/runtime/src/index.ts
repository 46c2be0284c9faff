export * from "./folder.ts";
export * from "./latent.ts";
export * from "./model.ts";
export * from "./path.ts";
export * from "./rng.ts";
