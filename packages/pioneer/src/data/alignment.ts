// What `prepare --align` knows before it decodes the first photo: the template, and each photo's face.
import { type FacePoints, type FaceTemplate, faceProblem } from "pioneer-runtime";
import { DataError } from "../base/errors.ts";
import { medianTemplate, parseTemplate, sharesText, templateOf, templateText } from "../config/face-template.ts";
import { FacePointsTable } from "./face-points.ts";
import type { Names } from "./pack/names.ts";
import { readSizes, sampleOf } from "./sample-sizes.ts";
import { matchRows } from "./sources/annotate.ts";
import type { Source } from "./sources/source.ts";

/** How many of the photos that are left out a note names. */
const named = 3;

export interface Alignment {
  readonly template: FaceTemplate;
  /** Changes when a template or a place does. */
  readonly digest: readonly string[];
  /** Remarks for the user: which photos have no face. */
  readonly notes: readonly string[];
  /** Where image `index` of the source, a wanted one, has its face, or why it has none. */
  readonly faceOf: (index: number) => FacePoints | string;
}

/**
 * Finds the faces of a source in a CSV.
 * @param from     the source's path, for messages
 * @param wanted   images that are to be aligned
 * @param points   path of the CSV
 * @param template as `parseTemplate` takes it
 * @throws DataError if it is no CSV of faces, or has none of these photos
 */
export async function openAlignment(
  source: Source,
  from: string,
  wanted: Uint32Array,
  { align: points, template }: { readonly align: string; readonly template?: string | undefined },
): Promise<Alignment> {
  const table = await FacePointsTable.read(points);
  const names = namesOf(source);
  const rowOf = matchRows(table, names, source.prefixes ?? []);
  // Each is asked for several times, and to find a name takes longer than to keep a number.
  const rows = new Int32Array(source.count).fill(-1);
  for (const index of wanted) rows[index] = rowOf(names.at(index)) ?? -1;
  const faceOf = (index: number) => table.faceAt(rows[index] === -1 ? undefined : rows[index]);
  const notes = describeMissing(wanted, { points, from, table, faceOf, nameOf: (index) => names.at(index) });
  const asked = parseTemplate(template);
  const chosen = asked === medianTemplate ? await findMedians(source, from, wanted, faceOf) : asked;
  return { template: chosen, digest: [templateText(chosen), table.text], notes, faceOf };
}

interface Faces {
  readonly points: string;
  readonly from: string;
  readonly table: FacePointsTable;
  readonly faceOf: Alignment["faceOf"];
  readonly nameOf: (index: number) => string;
}

/** @throws DataError if no photo has a face */
function describeMissing(wanted: Uint32Array, { points, from, table, faceOf, nameOf }: Faces): string[] {
  let missing = 0;
  const examples: string[] = [];
  for (const index of wanted) {
    const face = faceOf(index);
    if (typeof face === "string" && ++missing <= named) examples.push(`${nameOf(index)} ${face}`);
  }
  if (missing === 0) return [];
  if (missing === wanted.length) {
    throw new DataError(
      `${points} has the face of none of the ${wanted.length} images of ${from}: ${examples[0]}; its column file holds the images' paths inside the source (its first: ${table.first ?? "no rows"})`,
    );
  }
  const more = missing > named ? "; ..." : "";
  return [
    `${points}: ${missing} of ${wanted.length} images have no face and are left out: ${examples.join("; ")}${more}`,
  ];
}

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
