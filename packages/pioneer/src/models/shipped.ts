// The models in the box: folders of packages/pioneer/models, which the npm package carries too. They are not written to
// (shipped-copy.ts).
import { existsSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface ShippedModel {
  readonly name: string;
  /** Its model folder. */
  readonly folder: string;
  /** Some of its directions, for a first picture. */
  readonly strips: readonly string[];
}

const shipped = (name: string, strips: readonly string[]): ShippedModel => ({
  name,
  folder: fileURLToPath(new URL(`../../models/${name}`, import.meta.url)),
  strips,
});

/** In the order in which they are shown. docs/models.md has how each was trained. */
export const shippedModels: readonly ShippedModel[] = [
  shipped("faces-photos", ["smile", "feminine", "nose"]),
  shipped("faces-drawn", ["glasses", "hairLength", "skin"]),
];

/** The model in the box that a folder is, if it is one. */
export const shippedAt = (folder: string): ShippedModel | undefined =>
  existsSync(folder) ? shippedModels.find((model) => model.folder === realpathSync(folder)) : undefined;
