import { join } from "node:path";
import type { DirectionsFile, Strengths } from "pioneer-runtime";
import { edit, type Model } from "pioneer-runtime/internal";
import { composeGrid, inGroups } from "../pictures/grid.ts";
import type { Heading } from "../pictures/lettering.ts";
import { writeImage, writePng } from "../pictures/png.ts";
import { decodeAll, encodeAll, imageSize, joined } from "./batches.ts";
import { numberedName } from "./numbered.ts";
import { loadPhotos, type PhotoOptions } from "./photo.ts";
import { type RefineAllOptions, refineAll } from "./refine.ts";

/** Strengths of a strip, from one end to the other. */
const stripStrengths: readonly number[] = [-3, -2, -1, 0, 1, 2, 3];

/** "-3" to "+3"; what is moved by 0 is what the others are moved from. */
const strengthHeading = (strength: number): Heading => ({
  text: strength > 0 ? `+${strength}` : String(strength),
  mark: strength === 0,
});

/** Of grid.png: what was there, what the model makes of it and what became of that. */
const editHeadings: readonly Heading[] = ["photo", "reconstruction", "edited"].map((text) => ({ text }));
const stripHeadings: readonly Heading[] = [{ text: "photo" }, ...stripStrengths.map(strengthHeading)];

export interface EditOptions extends PhotoOptions, RefineAllOptions {
  /** How far to go along each direction, all at once. */
  readonly set: Strengths;
  /** Directions to show from -3 to +3, each on top of `set`. */
  readonly strips: readonly string[];
}

export interface Edits {
  readonly files: string[];
  /** Photos, their reconstructions and what became of them, if something was set. */
  readonly grid?: string;
  /** A row for each photo: the photo, then strengths -3 to +3. */
  readonly strips: string[];
}

/**
 * Moves the latents of photos along directions and writes what is decoded: each edited image and grid.png, and a strip for
 * each direction in `strips`.
 * @param given paths of photos
 * @throws ModelError for a direction that is not there; DataError naming a photo if none can be read, or the file that cannot be
 *   written
 */
export async function writeEdits(
  model: Model,
  directions: DirectionsFile,
  given: readonly string[],
  { out, faceOf, onSkip, scale, caption, set, strips, ...refining }: EditOptions,
): Promise<Edits> {
  const { resolution } = model;
  const size = imageSize(model);
  // A name that is not there is found before anything is computed.
  const known = (strengths: Strengths) => edit(new Float32Array(0), strengths, directions);
  known({ ...Object.fromEntries(strips.map((name) => [name, 0])), ...set });
  const { paths, images: originals, unread } = await loadPhotos(given, model, faceOf);
  for (const { message } of unread) onSkip?.(message);
  const latents = await refineAll(model, originals, await encodeAll(model, originals), refining);
  const image = (images: Float32Array, i: number) => images.subarray(i * size, (i + 1) * size);
  const result = { files: [] as string[], strips: [] as string[] };

  if (Object.keys(set).length > 0) {
    const before = await decodeAll(model, latents);
    const after = await decodeAll(model, edit(latents, set, directions));
    for (const [i, path] of paths.entries()) {
      const file = join(out, `${numberedName(i, path)}-edited.png`);
      await writeImage(file, image(after, i), resolution, scale);
      result.files.push(file);
    }
    const cells = paths.flatMap((_, i) => [image(originals, i), image(before, i), image(after, i)]);
    const grid = join(out, "grid.png");
    const layout = inGroups(paths.length, [editHeadings.length], editHeadings);
    await writePng(grid, composeGrid(joined(cells), { resolution, scale, caption, ...layout }));
    result.files.push(grid);
    Object.assign(result, { grid });
  }

  const stripFiles = filesOf(strips);
  for (const [s, name] of strips.entries()) {
    const rows: Float32Array[] = [];
    const steps = await Promise.all(
      stripStrengths.map((strength) => decodeAll(model, edit(latents, { ...set, [name]: strength }, directions))),
    );
    for (const i of paths.keys()) rows.push(image(originals, i), ...steps.map((step) => image(step, i)));
    const file = join(out, stripFiles[s] as string);
    const layout = inGroups(paths.length, [1, stripStrengths.length], stripHeadings);
    await writePng(file, composeGrid(joined(rows), { resolution, scale, caption, ...layout }));
    result.files.push(file);
    result.strips.push(file);
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
