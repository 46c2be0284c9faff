import type { FacePoints, Model } from "pioneer-runtime";
import { ConfigError } from "../../base/errors.ts";
import { option, text } from "../../config/option-schema.ts";
import type { FaceOf } from "../../images/photo.ts";
import type { Output } from "../output/report.ts";

/** Of the commands that encode photos. */
export const alignPhotosOption = {
  align: option(text("a CSV file").optional(), {
    value: "CSV",
    description:
      "where the photos have eyes and mouth, for a model of aligned faces: columns as for dataset prepare --align, file a path or base name",
  }),
};

/** How photos come to a model. */
export interface PlacedPhotos {
  readonly faceOf: FaceOf;
  /** Photos that are cropped, though the model knows aligned faces. */
  readonly unaligned: readonly string[];
}

/**
 * Finds the faces of photos in the CSV of --align, and says which have none.
 * @throws ConfigError for --align with a model that was trained on photos that are not aligned; DataError as `FacePointsTable.read`
 */
export async function placePhotos(
  { model, name, align }: { readonly model: Model; readonly name: string; readonly align: string | undefined },
  paths: readonly string[],
  output: Output,
): Promise<PlacedPhotos> {
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
