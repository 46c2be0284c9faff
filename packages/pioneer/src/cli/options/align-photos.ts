import type { FacePoints } from "pioneer-runtime";
import type { Model } from "pioneer-runtime/internal";
import { ConfigError } from "../../base/errors.ts";
import { searchFaces } from "../../config/face-template.ts";
import { option, text } from "../../config/option-schema.ts";
import type { ReadManyOptions } from "../../images/photo.ts";
import type { Output } from "../output/report.ts";
import { showWork } from "../output/work-progress.ts";

/** --align: the middle squares of photos, whatever is on them. */
const notAligned = "none";

/** Of the commands that encode photos. */
export const alignPhotosOption = {
  align: option(text(`${searchFaces}, ${notAligned} or a CSV file`).optional(), {
    value: "HOW",
    description:
      `where the photos have eyes and mouth, for a model of aligned faces: ${searchFaces} finds them (of several faces the ` +
      `largest), ${notAligned} only crops, a CSV tells them: columns as for dataset prepare --align, file a path or base name`,
    default: `${searchFaces} for a model of aligned faces`,
  }),
};

/** Photos on their way to a model. */
interface Photos {
  readonly paths: readonly string[];
  readonly model: Model;
  /** As the command line has it. */
  readonly name: string;
  /** --align */
  readonly align: string | undefined;
  /** --max-pixels */
  readonly maxPixels: number | undefined;
  readonly output: Output;
}

/**
 * Finds the faces of photos, says which have none, and makes pictures of them; says which are passed over.
 * @returns what was made; for a model of aligned faces also the photos that it saw only cropped
 * @throws ConfigError for --align with a model that was trained on photos that are not aligned; DataError as `FacePointsTable.read`
 */
export async function withPlacedPhotos<T extends object>(
  photos: Photos,
  write: (placed: ReadManyOptions) => Promise<T>,
): Promise<T & { readonly unaligned?: readonly string[] }> {
  const faces = await facesOf(photos);
  const onSkip = (reason: string) => photos.output.log(`skipped ${reason}`);
  const unaligned = photos.paths.filter((path) => !faces.has(path));
  const made = await write({ faceOf: (path) => faces.get(path), maxPixels: photos.maxPixels, onSkip });
  return { ...made, ...(photos.model.align && { unaligned }) };
}

type FacesOfPaths = ReadonlyMap<string, FacePoints>;

async function facesOf({ paths, model, name, align, maxPixels, output }: Photos): Promise<FacesOfPaths> {
  if (model.align === null) {
    if (align === undefined || align === notAligned) return new Map();
    throw new ConfigError(`--align ${align}: ${name} was trained on photos that were not aligned: leave it out`);
  }
  if (align === notAligned) {
    output.log(`note: ${name} was trained on aligned faces, and these photos are only cropped`);
    return new Map();
  }
  const faces = new Map<string, FacePoints>();
  const note = (path: string, face: FacePoints | string) => {
    if (typeof face !== "string") faces.set(path, face);
    else output.log(`note: ${path} ${face}: it is not aligned, but cropped to its middle square`);
  };
  const unique = [...new Set(paths)];
  if (align === undefined || align === searchFaces) {
    await findFaces(unique, maxPixels, output, note);
    return faces;
  }
  const { FacePointsTable } = await import("../../data/face-points.ts");
  const table = await FacePointsTable.read(align);
  for (const path of unique) note(path, table.faceAt(table.rowOfPath(path)));
  return faces;
}

/** @param note told of each photo that can be read: its largest face, or why there is none */
async function findFaces(
  paths: readonly string[],
  maxPixels: number | undefined,
  output: Output,
  note: (path: string, face: FacePoints | string) => void,
): Promise<void> {
  const { findInFiles } = await import("../../images/find-in-files.ts");
  const { noFace } = await import("../../data/face-search.ts");
  const progress = showWork(output, "photos searched for faces");
  try {
    for (const [i, found] of (await findInFiles(paths, progress.update, maxPixels)).entries()) {
      if (!found) continue;
      const path = paths[i] as string;
      if (found.length > 1) output.log(`note: ${path} has ${found.length} faces: the largest is taken`);
      note(path, found[0]?.points ?? noFace);
    }
  } finally {
    progress.stop();
  }
}
