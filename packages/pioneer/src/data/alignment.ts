// What `prepare --align` knows before it decodes the first photo: the template, and each photo's face.
import { type FacePoints, type FaceTemplate, faceProblem } from "pioneer-runtime";
import { DataError } from "../base/errors.ts";
import {
  medianTemplate,
  parseTemplate,
  searchFaces,
  sharesText,
  templateOf,
  templateText,
} from "../config/face-template.ts";
import { FacePointsTable } from "./face-points.ts";
import { type FindOptions, findPlaces } from "./find-places.ts";
import type { Names } from "./pack/names.ts";
import { readSizes, sampleOf } from "./sample-sizes.ts";
import { matchRows } from "./sources/annotate.ts";
import type { Source } from "./sources/source.ts";

/** How many of the photos that it is about a note names. */
const named = 3;

export interface Alignment {
  readonly template: FaceTemplate;
  /** Changes when a template or a place does. */
  readonly digest: readonly string[];
  /** Remarks for the user: which photos have no face, or several. */
  readonly notes: readonly string[];
  /** Where image `index` of the source, a wanted one, has its face, or why it has none. */
  readonly faceOf: (index: number) => FacePoints | string;
}

/** What `--align` and `--template` say. */
interface AlignmentOptions extends FindOptions {
  /** Path of the CSV, or `searchFaces`. */
  readonly align: string;
  /** As `parseTemplate` takes it. */
  readonly template?: string | undefined;
}

/**
 * Takes the faces of a source from a CSV, or finds them.
 * @param from   the source's path, for messages
 * @param wanted images that are to be aligned
 * @throws DataError if it is no CSV of faces, or has none of these photos; if none is found, or nothing can be; as `findPlaces`
 */
export async function openAlignment(
  source: Source,
  from: string,
  wanted: Uint32Array,
  { align, template, ...search }: AlignmentOptions,
): Promise<Alignment> {
  const asked = parseTemplate(template);
  const faces =
    align === searchFaces
      ? await facesFound(source, from, wanted, search)
      : await facesOfCsv(source, from, wanted, align);
  const { faceOf, digest, notes } = faces;
  const chosen = asked === medianTemplate ? await findMedians(source, from, wanted, faceOf) : asked;
  return { template: chosen, digest: [templateText(chosen), digest], notes, faceOf };
}

interface Faces extends Pick<Alignment, "faceOf" | "notes"> {
  readonly digest: string;
}

async function facesFound(source: Source, from: string, wanted: Uint32Array, search: FindOptions): Promise<Faces> {
  const { faceOf, several, digest } = await findPlaces(source, from, wanted, search);
  const nameOf = (index: number) => source.entry(index).name;
  const { missing, examples } = withoutFace(wanted, faceOf, nameOf);
  if (missing === wanted.length) {
    throw new DataError(
      `${from}: no face is found in any of its ${wanted.length} images: ${examples[0]}; give --align POINTS.csv, or leave it out`,
    );
  }
  const notes =
    missing === 0 ? [] : [`${missing} of ${wanted.length} images are left out: ${listed(examples, missing)}`];
  if (several.length > 0) {
    const names = listed(several.slice(0, named).map(nameOf), several.length);
    notes.push(`${several.length} of ${wanted.length} images have several faces, the largest is taken: ${names}`);
  }
  return { faceOf, digest, notes };
}

async function facesOfCsv(source: Source, from: string, wanted: Uint32Array, points: string): Promise<Faces> {
  const table = await FacePointsTable.read(points);
  const names = namesOf(source);
  const rowOf = matchRows(table, names, source.prefixes ?? []);
  // Each is asked for several times, and to find a name takes longer than to keep a number.
  const rows = new Int32Array(source.count).fill(-1);
  for (const index of wanted) rows[index] = rowOf(names.at(index)) ?? -1;
  const faceOf = (index: number) => table.faceAt(rows[index] === -1 ? undefined : rows[index]);
  const { missing, examples } = withoutFace(wanted, faceOf, (index) => names.at(index));
  if (missing === wanted.length) {
    throw new DataError(
      `${points} has the face of none of the ${wanted.length} images of ${from}: ${examples[0]}; its column file holds the images' paths inside the source (its first: ${table.first ?? "no rows"})`,
    );
  }
  const left = `${points}: ${missing} of ${wanted.length} images have no face and are left out: ${listed(examples, missing)}`;
  return { faceOf, digest: table.text, notes: missing === 0 ? [] : [left] };
}

/** @returns how many images have no face, and some of them with the reason */
function withoutFace(wanted: Uint32Array, faceOf: Alignment["faceOf"], nameOf: (index: number) => string) {
  let missing = 0;
  const examples: string[] = [];
  for (const index of wanted) {
    const face = faceOf(index);
    if (typeof face === "string" && ++missing <= named) examples.push(`${nameOf(index)} ${face}`);
  }
  return { missing, examples };
}

/** "a; b; c; ..." */
const listed = (examples: readonly string[], count: number) =>
  `${examples.join("; ")}${count > examples.length ? "; ..." : ""}`;

/** Medians of where faces lie in the middle squares of their photos; of a sample of 256. */
async function findMedians(
  source: Source,
  from: string,
  wanted: Uint32Array,
  faceOf: Alignment["faceOf"],
): Promise<FaceTemplate> {
  const withFace = wanted.filter((index) => typeof faceOf(index) !== "string");
  const shares: number[][] = [[], [], [], [], [], []];
  for (const { index, width, height } of await readSizes(source, from, sampleOf(withFace))) {
    const face = faceOf(index);
    if (typeof face === "string" || faceProblem(face, { width, height }) !== undefined) continue;
    const side = Math.min(width, height);
    const { eyeLeft, eyeRight, mouth } = face;
    for (const [i, [x, y]] of [eyeLeft, eyeRight, mouth].entries()) {
      shares[2 * i]?.push((x - (width - side) / 2) / side);
      shares[2 * i + 1]?.push((y - (height - side) / 2) / side);
    }
  }
  const medians = shares.map((values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);
  const found = templateOf(medians);
  if (found !== undefined) return found;
  throw new DataError(`${from}: its faces have no place in common (medians ${sharesText(medians)}): give a --template`);
}

/** Of all images; a name is made when it is asked for. */
function namesOf(source: Source): Names {
  const at = (index: number) => source.entry(index).name;
  return {
    length: source.count,
    at,
    *[Symbol.iterator]() {
      for (let i = 0; i < source.count; i++) yield at(i);
    },
  };
}
