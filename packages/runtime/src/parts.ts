import { graphPorts } from "./folder.ts";

/** What a model folder is made of, as far as it is computed with: the file of each part. */
export const partFiles = {
  encoder: graphPorts.encoder.file,
  generator: graphPorts.generator.file,
  directions: "directions.json",
} as const;

export type Part = keyof typeof partFiles;
export const modelParts = Object.keys(partFiles) as readonly Part[];
