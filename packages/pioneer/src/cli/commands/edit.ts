import { existsSync } from "node:fs";
import type { Command } from "commander";
import { z } from "zod";
import { commandLine } from "../../base/command-line.ts";
import { ConfigError } from "../../base/errors.ts";
import { shellWord } from "../../base/shell-word.ts";
import { option, positive, repeated, text } from "../../config/option-schema.ts";
import { isModelFolder, readModelConfig, verifyModelFile } from "../../models/model-folder.ts";
import { modelOptions } from "../options/model-options.ts";
import { addCommand } from "../options/options.ts";
import { photoOptions } from "../options/photo-options.ts";
import { looksOf, pictureOptions } from "../options/picture-options.ts";
import { latentsOption, withSubjects } from "../options/subjects.ts";
import { showWork } from "../output/work-progress.ts";

const schema = z.strictObject({
  ...modelOptions,
  ...pictureOptions,
  set: option(repeated("NAME=STRENGTH"), {
    value: "NAME=X",
    description: "how far to go along a direction",
    note: "1 is the spread of the attribute, -1 the other way",
  }),
  strip: option(repeated("the name of a direction"), {
    value: "NAME",
    description: "also strip-NAME.png, a row for each photo, from one end of the direction to the other",
  }),
  reach: option(positive(100).optional(), {
    value: "X",
    description: "strips go from -X to X",
    default: "where a move of this direction alone is 0.6 long, at most 3",
  }),
  directions: option(text("a file of directions").optional(), {
    value: "FILE",
    description: "directions to use",
    default: "directions.json of the model",
  }),
  ...latentsOption,
  ...photoOptions,
});

/** `pioneer edit`: photos moved along attribute directions. */
export function addEditCommand(program: Command): void {
  addCommand(program, {
    name: "edit",
    summary: "move photos along directions that pioneer directions has learned",
    args: "[photos...]",
    schema,
    examples: [
      "edit --model runs/faces --out edits --set smile=1.5 photo.jpg",
      "edit --model runs/faces --out edits --set smile=1 --set nose=-0.5 a.jpg b.jpg",
      "edit --model models/faces --out edits --strip smile photo.jpg",
      "edit --model models/faces --out edits --strip smile --reach 3 photo.jpg",
      "edit --model models/faces --out edits --strip smile --align faces.csv photo.jpg",
      "edit --model runs/faces --out edits --refine 100 --strip smile photo.jpg",
      "edit --model runs/faces --out edits --refine 100 --refine-lpips lpips.onnx --strip smile photo.jpg",
      "edit --model runs/faces --out edits --set smile=1 --latents codes.safetensors",
    ],
    async run({ set, strip, reach, directions, ...options }, photos, { output }) {
      if (set.length + strip.length === 0) {
        throw new ConfigError("edit: say what to change, by --set NAME=STRENGTH or --strip NAME");
      }
      if (reach !== undefined && strip.length === 0) {
        throw new ConfigError("edit: --reach says how far strips go: give --strip NAME too, or leave it out");
      }
      const pairs = set.map(strengthOf);
      const strengths = Object.fromEntries(pairs);
      const twice = pairs.find(([name], i) => pairs.findIndex(([other]) => other === name) !== i);
      if (twice) throw new ConfigError(`--set: ${twice[0]} is given twice; keep one`);
      const { checkEdits, writeEdits } = await import("../../images/edit.ts");
      const { directionsFileName, readDirections } = await import("../../directions/file.ts");
      const { directionsPath } = await import("../../directions/place.ts");
      const path = directions ?? (await directionsPath(options.model));
      if (!existsSync(path)) {
        throw new ConfigError(
          `${path} is not there: learn directions first, by ${commandLine(`directions --model ${shellWord(options.model)}`)}`,
        );
      }
      if (directions === undefined && (await isModelFolder(options.model))) {
        await verifyModelFile(options.model, directionsFileName, await readModelConfig(options.model));
      }
      const progress = showWork(output, "refining steps");
      const { out, model: name } = options;
      const edits = { set: strengths, strips: [...new Set(strip)], reach };
      const given = { command: "edit", photos, output, onRefine: progress.update };
      const written = await withSubjects(options, given, async (model, subjects) => {
        const known = readDirections(path, model.latent);
        checkEdits(known, edits);
        const looks = await looksOf(name, model.resolution, { ...options, command: "edit" });
        return writeEdits(model, known, await subjects(), { ...looks, ...edits, out });
      }).finally(progress.stop);
      const isOfPhotos = options.latents === undefined;
      const look = written.grid
        ? `${written.grid}: ${isOfPhotos ? "photo, " : ""}reconstruction, edited`
        : `${written.strips[0]}: ${isOfPhotos ? "the photo, then " : ""}-${written.reaches[0]} to +${written.reaches[0]}`;
      output.wrote(written.files, `look at ${look}`);
      output.result({ ...written });
      return undefined;
    },
  });
}

function strengthOf(text: string): [string, number] {
  const at = text.lastIndexOf("=");
  const value = text.slice(at + 1).trim();
  const strength = Number(value);
  if (at < 1 || value === "" || !Number.isFinite(strength)) {
    throw new ConfigError(`--set: expected NAME=STRENGTH such as smile=1.5, got "${text}"`);
  }
  return [text.slice(0, at), strength];
}
