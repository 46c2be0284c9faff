import type { LearnedDirection } from "../folder.ts";
import { beside, centred, combined, dot, meanOf, unitVector } from "../vectors.ts";

/** Power iterations of a component; more only part components that say equally much. */
const mostIterations = 100;
const tooAlike = "these images do not vary in so many ways";

/**
 * Latent directions that go with what differs most among a model's own images: principal components of the images, and of
 * each the latents' regression on its coordinates (Härkönen et al., GANSpace, NeurIPS 2020, section 3.2). No labels.
 * Latents of random images vary alike in all directions: their own components would say nothing.
 * @param latents rows of length 1; five times as many as their numbers say enough
 * @param images  what the latents look like, rows of one length: pixels, or fewer of them
 * @param count   of components, those first along which the images vary most
 * @returns       method "pca"; strength 1 is a standard deviation of the latents that way, and brightens on the whole
 * @throws        RangeError for lists that do not belong together, and where the images do not vary in so many ways
 */
export function principalDirections(
  latents: readonly Float32Array[],
  images: readonly Float32Array[],
  count: number,
): LearnedDirection[] {
  if (latents.length !== images.length || latents.length < 2) {
    throw new RangeError(`expected an image for each latent, got ${latents.length} latents, ${images.length} images`);
  }
  const z = centred(latents.map((row) => Float64Array.from(row))).rows;
  const x = centred(images.map((row) => Float64Array.from(row))).rows;
  const found: Float64Array[] = [];
  return Array.from({ length: count }, () => {
    const component = largestComponent(x, found);
    found.push(component);
    const along = Float64Array.from(x, (row) => dot(row, component));
    const vector = unitVector(combined(z, along), tooAlike);
    const unit = Math.sqrt(meanOf(z.map((row) => dot(row, vector) ** 2)));
    return { vector: [...vector], unit, method: "pca" as const, orthogonal: false };
  });
}

/** The unit vector along which centred rows vary most, perpendicular to those found before. */
function largestComponent(rows: readonly Float64Array[], found: readonly Float64Array[]): Float64Array {
  const lefts = rows.map((row) => beside(found, row));
  const lengths = lefts.map((row) => dot(row, row));
  let component = unitVector(lefts[lengths.indexOf(Math.max(...lengths))] as Float64Array, tooAlike);
  for (let i = 0; i < mostIterations; i++) {
    const along = Float64Array.from(rows, (row) => dot(row, component));
    const next = unitVector(beside(found, combined(rows, along)), tooAlike);
    const moved = 1 - Math.abs(dot(next, component));
    component = next;
    if (moved < 1e-12) break;
  }
  const brightens = component.reduce((sum, value) => sum + value, 0);
  return brightens < 0 ? component.map((value) => -value) : component;
}
