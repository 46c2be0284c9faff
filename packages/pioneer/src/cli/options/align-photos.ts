import type { FacePoints } from "pioneer-runtime";
import type { Model } from "pioneer-runtime/internal";
import { ConfigError } from "../../base/errors.ts";
import { option, text } from "../../config/option-schema.ts";
import type { FaceOf, PhotoOptions } from "../../images/photo.ts";
import type { Output } from "../output/report.ts";

/** Of the commands that encode photos. */
export const alignPhotosOption = {
  align: option(text("a CSV file").optional(), {
    value: "CSV",
    description:
      "where the photos have eyes and mouth, for a model of aligned faces: columns as for dataset prepare --align, file a path or base name",
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
  readonly output: Output;
}

/**
 * Finds the faces of photos in the CSV of --align, says which have none, and makes pictures of them; says which are passed over.
 * @returns what was made; for a model of aligned faces also the photos that it saw only cropped
 * @throws ConfigError for --align with a model that was trained on photos that are not aligned; DataError as `FacePointsTable.read`
 */
export async function withPlacedPhotos<T extends object>(
  photos: Photos,
  write: (placed: Pick<PhotoOptions, "faceOf" | "onSkip">) => Promise<T>,
): Promise<T & { readonly unaligned?: readonly string[] }> {
  const { faceOf, unaligned } = await placePhotos(photos);
  const onSkip = (reason: string) => photos.output.log(`skipped ${reason}`);
  return { ...(await write({ faceOf, onSkip })), ...(photos.model.align && { unaligned }) };
}

interface PlacedPhotos {
  readonly faceOf: FaceOf;
  /** Photos that are cropped, though the model knows aligned faces. */
  readonly unaligned: readonly string[];
}

async function placePhotos({ paths, model, name, align, output }: Photos): Promise<PlacedPhotos> {
  if (model.align === null) {
    if (align === undefined) return { faceOf: () => undefined, unaligned: [] };
    throw new ConfigError(`--align ${align}: ${name} was trained on photos that were not aligned: leave it out`);
  }
  if (align === undefined) {
    output.log(
      `note: ${name} was trained on aligned faces, and these photos are only cropped: give --align POINTS.csv`,
    );
    return { faceOf: () => undefined, unaligned: paths };
  }
  const { FacePointsTable } = await import("../../data/face-points.ts");
  const table = await FacePointsTable.read(align);
  const faces = new Map<string, FacePoints>();
  for (const path of new Set(paths)) {
    const face = table.faceAt(table.rowOfPath(path));
    if (typeof face !== "string") faces.set(path, face);
    else output.log(`note: ${path} ${face}: it is not aligned, but cropped to its middle square`);
  }
  return { faceOf: (path) => faces.get(path), unaligned: paths.filter((path) => !faces.has(path)) };
}
