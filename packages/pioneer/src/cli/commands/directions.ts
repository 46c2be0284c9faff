import { accessSync, constants, existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { diskError, makeFolders } from "../../base/disk.ts";
import { ConfigError } from "../../base/errors.ts";
import { shellWord } from "../../base/shell-word.ts";
import { oneOf, option, repeated, text, toggle, whole } from "../../config/option-schema.ts";
import type { Direction } from "../../directions/file.ts";
import { defaultComponents, methods } from "../../directions/methods.ts";
import { shippedAt } from "../../models/shipped.ts";
import { modelOptions, withModel } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { showImages } from "../output/image-progress.ts";

const { out: _, ...opening } = modelOptions;

const schema = z.strictObject({
  ...opening,
  data: option(text("a pack with labels").optional(), {
    value: "PACK",
    description: "labelled images, for pca any: a pack, or a source that dataset prepare takes",
    default: "what the run was trained on",
  }),
  method: option(
    oneOf(methods, {
      linear: "weights of a logistic or ridge regression",
      mean: "from one side's mean latent to the other's",
      pca: "most variance, no labels",
    }).default("linear"),
    { value: "M", description: "how they are found" },
  ),
  attribute: option(repeated("NAME=COLUMN, or NAME=COLUMN:POSITIVE/NEGATIVE"), {
    value: "A",
    description:
      "what to learn: name=column for a label of numbers, name=-column for less of it, name=column:positive/negative for categories",
  }),
  hold: option(repeated("NAME=COLUMN, or NAME=COLUMN:POSITIVE/NEGATIVE"), {
    value: "A",
    description: "what all directions are to leave as it is, written like --attribute",
  }),
  orthogonal: option(toggle().default(false), {
    description: "take from each direction what it shares with the others, so that its edits leave their attributes",
  }),
  calibrate: option(toggle().default(false), {
    description:
      "try each direction on 800 pictures and mend it: strength 1 then is a deviation as it is read off them, and what is to stay is kept there, too",
  }),
  count: option(whole(100, 1_000_000).default(5000), {
    value: "N",
    description: "most images to learn from",
  }),
  components: option(whole(1, 512).optional(), {
    value: "K",
    description: "directions of pca",
    default: String(defaultComponents),
  }),
  out: option(text("a file").optional(), {
    value: "FILE",
    description: "where to write them; those of other names in it stay",
    default: "directions.json of the model",
  }),
});

/** `pioneer directions`: attribute directions of the latent space. */
export function addDirectionsCommand(program: Command): void {
  addCommand(program, {
    name: "directions",
    summary: "learn directions of the latent space from labelled images, to edit with",
    schema,
    examples: [
      "directions --model runs/faces --data faces.pack --attribute smile=expression:happiness/neutral",
      "directions --model runs/faces --data faces.pack --attribute smile --attribute nose=noseSize --orthogonal --calibrate",
      "directions --model runs/faces --data faces.pack --attribute feminine=-male --hold age --hold smile",
      "directions --model runs/faces --method pca --components 4",
    ],
    async run({ attribute, data, out, ...options }, _args, { output }) {
      if (options.method === "pca" && options.orthogonal) {
        throw new ConfigError("--orthogonal: directions of pca are orthogonal as they are; leave it out");
      }
      if (options.method === "pca" && options.calibrate) {
        throw new ConfigError("--calibrate: directions of pca are of no attribute that could be read; leave it out");
      }
      if (options.method !== "pca" && options.components !== undefined) {
        throw new ConfigError(`--components is for --method pca, not for ${options.method}: leave it out`);
      }
      const { directionsFromPack } = await import("../../directions/from-pack.ts");
      const { addDirections, readDirections } = await import("../../directions/file.ts");
      const { directionsPath } = await import("../../directions/place.ts");
      const { checkTrainedOn, trainedOn } = await import("../../models/trained-on.ts");
      const { packFor } = await import("../../data/ensure.ts");
      if (out === undefined && shippedAt(options.model)) {
        throw new ConfigError(
          `${options.model} is a model in the box and stays as it is: give --out directions.json, and edit --directions directions.json`,
        );
      }
      const path = out ?? (await directionsPath(options.model));
      const progress = showImages(output);
      const directions = await withModel(options, async (model) => {
        // A file that cannot be added to, or a folder that cannot be written to, is found before the work.
        if (existsSync(path)) readDirections(path, model.latent);
        checkWritable(dirname(path));
        const trained = data === undefined ? await trainedOn(options.model) : undefined;
        const source = data ?? trained?.path;
        if (source === undefined) {
          throw new ConfigError(`--data is missing: ${options.model} does not tell its data; give a pack with images`);
        }
        const { pack } = await packFor(model, source);
        checkTrainedOn(pack, options.model, trained);
        const onProgress = (done: number, total: number) => progress.update({ done, total, skipped: 0 });
        try {
          const found = await directionsFromPack(model, pack, { ...options, attributes: attribute, onProgress });
          await addDirections(path, model.latent, found);
          return found;
        } finally {
          progress.stop();
        }
      });
      for (const [name, direction] of Object.entries(directions)) output.log(describe(name, direction));
      const [first = "smile"] = Object.keys(directions);
      const elsewhere = out === undefined ? "" : ` --directions ${shellWord(out)}`;
      output.wrote(
        [path],
        commandLine(
          `edit --model ${shellWord(options.model)}${elsewhere} --out edits --strip ${shellWord(first)} photo.jpg`,
        ),
      );
      output.result({
        file: path,
        directions: Object.fromEntries(
          Object.entries(directions).map(([name, { vector: _vector, ...facts }]) => [name, facts]),
        ),
      });
      return undefined;
    },
  });
}

function describe(name: string, { unit, shown, heldOut, fitted }: Direction): string {
  const parts = [`${name}: strength 1 moves a latent by ${unit.toFixed(3)}`];
  if (shown) {
    const { own, other, images } = shown;
    const most = other ? `, of the others ${other.name} most, by ${other.effect.toFixed(2)}` : "";
    parts.push(`in ${images} held-out pictures it moves by ${own.toFixed(2)} deviations${most}`);
  }
  if (heldOut) {
    const { kind, value, count } = heldOut;
    const score =
      kind === "r2" ? `R² ${value.toFixed(3)}` : `${(100 * value).toFixed(1)} % of each side told, in the mean,`;
    parts.push(`${score} of ${count} held-out images`);
  }
  if (fitted) {
    const without = fitted.missing === 0 ? "" : `; ${fitted.missing} without such a label left out`;
    parts.push(`learned from ${fitted.count}${without}`);
  }
  return parts.join("; ");
}

/** @throws DataError */
function checkWritable(folder: string): void {
  try {
    makeFolders(folder);
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw diskError(error, folder);
  }
}
