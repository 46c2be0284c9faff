import type { Model } from "pioneer-runtime/internal";
import { ConfigError } from "../../base/errors.ts";
import { flagOf, option, text } from "../../config/option-schema.ts";
import type { SavedLatents } from "../../images/latents-file.ts";
import type { RefineAllOptions } from "../../images/refine.ts";
import type { Subjects } from "../../images/subjects.ts";
import type { Output } from "../output/report.ts";
import { withModel } from "./model-options.ts";
import { type PhotoCommandOptions, photoOptions, withPhotos } from "./photo-options.ts";
import { modelAt } from "./picture-options.ts";

/** Of the commands that begin with photos or with latents of them. */
export const latentsOption = {
  latents: option(text("a .npy or .safetensors file").optional(), {
    value: "FILE",
    description: "latents that encode has saved, in the place of photos",
  }),
};

interface SubjectOptions extends PhotoCommandOptions {
  readonly latents?: string | undefined;
}

/** What a command is given to begin with. */
export interface Given {
  /** Of the command, for messages. */
  readonly command: string;
  /** Photos and folders of them. */
  readonly photos: readonly string[];
  /** So many photos or latents at least. */
  readonly least?: { readonly count: number; readonly mend: string };
  readonly output: Output;
  readonly onRefine: NonNullable<RefineAllOptions["onRefine"]>;
}

/**
 * Opens a model and what it is to begin with, photos or saved latents, for as long as `work` takes.
 * @param work reads them when it asks for them, so that it can refuse what cannot be done before
 * @returns what was made; for photos and a model of aligned faces also those that it saw only cropped
 * @throws ConfigError for photos and latents together or neither, or options that saved latents do not take
 */
export async function withSubjects<T extends object>(
  options: SubjectOptions,
  given: Given,
  work: (model: Model, subjects: () => Promise<Subjects>) => Promise<T>,
): Promise<T> {
  const { latents } = options;
  if (latents !== undefined) return withLatents({ ...options, latents }, given, work);
  if (given.photos.length === 0) {
    throw new ConfigError(`${given.command}: give photos, folders of them, or --latents FILE`);
  }
  const { photoFiles } = await import("../../images/photo-files.ts");
  const { encodePhotos } = await import("../../images/subjects.ts");
  const { output, onRefine } = given;
  const paths = await photoFiles(given.photos);
  checkCount(given, paths.length);
  return withPhotos(options, { paths, output }, (model, encoding) =>
    work(model, () => encodePhotos(model, paths, { ...encoding, onRefine })),
  );
}

async function withLatents<T>(
  options: SubjectOptions & { readonly latents: string },
  given: Given,
  work: (model: Model, subjects: () => Promise<Subjects>) => Promise<T>,
): Promise<T> {
  const { latents: path } = options;
  if (given.photos.length > 0) {
    throw new ConfigError(`${given.command}: --latents ${path} takes the place of photos: leave one of them out`);
  }
  // 0 is what --refine is where it is not given.
  const ofPhotos = Object.keys(photoOptions) as (keyof typeof photoOptions)[];
  const idle = ofPhotos.find((key) => options[key] !== undefined && options[key] !== 0);
  if (idle !== undefined) {
    throw new ConfigError(`${flagOf(idle)} is for photos: give it to encode, and leave it out with --latents`);
  }
  return withModel(options, async (model) => {
    const saved = await openLatents(path, { model, name: options.model, output: given.output });
    checkCount(given, saved.names.length);
    return work(model, async () => saved);
  });
}

/** Reads saved latents for a model, and says what is odd about them. @param of the model, and its name on the command line */
export async function openLatents(
  path: string,
  of: { readonly model: Model; readonly name: string; readonly output: Output },
): Promise<SavedLatents> {
  const { readLatents } = await import("../../images/latents-file.ts");
  const { moved, ...saved } = await readLatents(path, of.model.latent);
  if (moved > 0) {
    of.output.log(
      `note: ${moved} of ${saved.names.length} latents in ${path} have not length 1, and are divided by it`,
    );
  }
  const { name, kimg } = await modelAt(of.name);
  if (saved.model !== undefined && saved.model.kimg !== kimg) {
    of.output.log(
      `note: ${path} was made with ${saved.model.name} after ${saved.model.kimg} kimg, and ${name} is after ${kimg}: with other networks the same latents are other pictures`,
    );
  }
  return saved;
}

function checkCount({ command, least }: Given, count: number): void {
  if (least && count < least.count) throw new ConfigError(`${command}: ${least.mend}, got ${count}`);
}
