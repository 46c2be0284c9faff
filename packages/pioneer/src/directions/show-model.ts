// A first look at a model: samples, and some of them along its directions.
import { join } from "node:path";
import { sampleLatents } from "pioneer-runtime";
import { writeEdits } from "../images/edit.ts";
import { writeSamples } from "../images/sample.ts";
import { openAnyModel } from "../models/open-model.ts";
import type { ShippedModel } from "../models/shipped.ts";
import { readDirections } from "./file.ts";
import { directionsPath } from "./place.ts";

const seed = 2;
const samples = 36;
const edited = 4;

export interface ShownModel {
  readonly samples: string;
  /** One for each direction that is to be shown and that the model knows. */
  readonly strips: readonly string[];
}

/**
 * Writes what a model in the box can do.
 * @param out gets samples/ and strip-NAME.png
 * @returns the pictures to look at
 * @throws ConfigError, ModelError or DataError where the model cannot be computed here or a file not be written
 */
export async function showModel({ folder, strips }: ShippedModel, out: string): Promise<ShownModel> {
  const model = await openAnyModel(folder);
  try {
    const { files, grid } = await writeSamples(model, {
      out: join(out, "samples"),
      count: samples,
      seed,
      grid: true,
    });
    const known = readDirections(await directionsPath(folder), model.latent);
    const shown = strips.filter((name) => name in known.directions);
    const first = {
      names: files.slice(0, edited),
      latents: sampleLatents(edited, model.latent, seed),
    };
    const edits = await writeEdits(model, known, first, { out, set: {}, strips: shown });
    return { samples: grid as string, strips: edits.strips };
  } finally {
    model.dispose();
  }
}
