import { join } from "node:path";
import type { DirectionsFile, Strengths } from "pioneer-runtime";
import { edit, joined, type LearnedDirection, type Model, reachOf, stripStrengths } from "pioneer-runtime/internal";
import { composeGrid, inGroups } from "../pictures/grid.ts";
import type { Heading } from "../pictures/lettering.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { decodeAll, imageSize } from "./batches.ts";
import { numberedName } from "./numbered.ts";
import type { PictureOptions } from "./pictures.ts";
import type { Subjects } from "./subjects.ts";

/** "-1.2" to "+1.2"; what is moved by 0 is what the others are moved from. */
function strengthHeading(strength: number): Heading {
  const text = String(Number(strength.toFixed(2)));
  return { text: strength > 0 ? `+${text}` : text, mark: strength === 0 };
}

const photoHeading: Heading = { text: "photo" };
/** Of grid.png: what the model makes of a latent and what became of that. */
const editHeadings: readonly Heading[] = ["reconstruction", "edited"].map((text) => ({ text }));

export interface EditOptions extends PictureOptions {
  /** Folder for the pictures. */
  readonly out: string;
  /** How far to go along each direction, all at once. */
  readonly set: Strengths;
  /** Directions to show to both sides, each on top of `set`. */
  readonly strips: readonly string[];
  /** The strength at which strips end, either way; without it each as far as its direction goes: `reachOf`. */
  readonly reach?: number | undefined;
}

export interface Edits {
  readonly files: string[];
  /** Photos where there are some, their reconstructions and what became of them, if something was set. */
  readonly grid?: string;
  /** A row for each latent: its photo if there is one, then strengths from one end to the other. */
  readonly strips: string[];
  /** Of each strip the strength at its end. */
  readonly reaches: number[];
}

/** Finds a name that is not there before anything is computed. @throws ModelError */
export function checkEdits(directions: DirectionsFile, { set, strips }: Pick<EditOptions, "set" | "strips">): void {
  edit(new Float32Array(0), { ...Object.fromEntries(strips.map((name) => [name, 0])), ...set }, directions);
}

/**
 * Moves latents along directions and writes what is decoded: each edited image and grid.png, and a strip for each direction in
 * `strips`. Photos, where there are some, stand at the beginning of their rows.
 * @throws ModelError for a direction that is not there; DataError naming the file that cannot be written
 */
export async function writeEdits(
  model: Model,
  directions: DirectionsFile,
  { names, latents, photos }: Subjects,
  { out, scale, caption, set, strips, reach }: EditOptions,
): Promise<Edits> {
  checkEdits(directions, { set, strips });
  const { resolution } = model;
  const size = imageSize(model);
  const image = (images: Float32Array, i: number) => images.subarray(i * size, (i + 1) * size);
  const photo = (i: number) => (photos ? [image(photos, i)] : []);
  const headed = (headings: readonly Heading[]) => (photos ? [photoHeading, ...headings] : headings);
  const result = { files: [] as string[], strips: [] as string[], reaches: [] as number[] };

  if (Object.keys(set).length > 0) {
    const before = await decodeAll(model, latents);
    const after = await decodeAll(model, edit(latents, set, directions));
    for (const [i, name] of names.entries()) {
      const file = join(out, `${numberedName(i, name)}-edited.png`);
      await writeImage(file, image(after, i), resolution, scale);
      result.files.push(file);
    }
    const cells = names.flatMap((_, i) => [...photo(i), image(before, i), image(after, i)]);
    const grid = join(out, "grid.png");
    const headings = headed(editHeadings);
    const layout = inGroups(names.length, [headings.length], headings);
    await writePng(grid, composeGrid(joined(Float32Array, cells), { resolution, scale, caption, ...layout }));
    result.files.push(grid);
    Object.assign(result, { grid });
  }

  const stripFiles = filesOf(strips);
  for (const [s, name] of strips.entries()) {
    const end = reach ?? reachOf(directions.directions[name] as LearnedDirection);
    const strengths = stripStrengths(end);
    const rows: Float32Array[] = [];
    const steps = await Promise.all(
      strengths.map((strength) => decodeAll(model, edit(latents, { ...set, [name]: strength }, directions))),
    );
    for (const i of names.keys()) rows.push(...photo(i), ...steps.map((step) => image(step, i)));
    const file = join(out, stripFiles[s] as string);
    const headings = headed(strengths.map(strengthHeading));
    const layout = inGroups(names.length, [...photo(0).map(() => 1), strengths.length], headings);
    await writePng(file, composeGrid(joined(Float32Array, rows), { resolution, scale, caption, ...layout }));
    result.files.push(file);
    result.strips.push(file);
    result.reaches.push(end);
  }
  return result;
}

/** A file for each strip. A direction may be called anything, a path too; where two come out alike the later is numbered. */
function filesOf(strips: readonly string[]): string[] {
  const taken = new Set<string>();
  return strips.map((name) => {
    const base = `strip-${name.replace(/[^\p{L}\p{N}_-]+/gu, "-")}`;
    let file = `${base}.png`;
    for (let i = 2; taken.has(file.toLowerCase()); i++) file = `${base}-${i}.png`;
    taken.add(file.toLowerCase());
    return file;
  });
}
