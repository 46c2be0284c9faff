import type { FaceTemplate } from "pioneer-runtime";
import { evenIndices } from "../../base/evenly.ts";
import { recordOf } from "../../base/record.ts";
import { repeatGrey } from "../pixels/decode.ts";
import type { SkippedFile } from "./format.ts";
import { type Label, openPack } from "./pack.ts";

/** A label column in one line: the range of its numbers, or its categories with their counts. */
export type LabelInfo = {
  readonly name: string;
  /** Images that have no value. */
  readonly missing: number;
} & (
  | { readonly kind: "number"; readonly min: number; readonly max: number; readonly mean: number }
  | { readonly kind: "category"; readonly categories: Readonly<Record<string, number>> }
);

/** What `pioneer info` prints of a pack; plain values, ready for JSON. */
export interface PackInfo {
  readonly path: string;
  readonly bytes: number;
  readonly id: string;
  readonly count: number;
  readonly resolution: number;
  readonly colour: string;
  readonly crop: string;
  /** Where aligned photos have eyes and mouth; null for others. */
  readonly align: FaceTemplate | null;
  readonly source: { readonly kind: string; readonly name: string };
  /** Images by split. */
  readonly splits: Readonly<Record<string, number>>;
  readonly labels: readonly LabelInfo[];
  readonly skipped: readonly SkippedFile[];
  readonly enlarged: number;
  readonly notes: readonly string[];
}

/** Describes a pack without reading its pixels. @throws DataError as `openPack` */
export function packInfo(path: string): PackInfo {
  const { bytes, id, count, resolution, colour, crop, align, source, splits, labels, skipped, enlarged, notes } =
    openPack(path);
  return {
    path,
    bytes,
    id,
    count,
    resolution,
    colour,
    crop,
    align: align?.template ?? null,
    source: { kind: source.kind, name: source.name },
    splits: recordOf(Object.entries(splits).map(([name, indices]) => [name, indices.length])),
    labels: labels.map(labelInfo),
    skipped,
    enlarged,
    notes,
  };
}

/**
 * Images spread evenly over a pack, for a contact sheet.
 * @param n how many at most
 * @returns uint8 [count, resolution, resolution, 3], and their indices
 */
export function packSheet(
  path: string,
  n: number,
): { count: number; resolution: number; pixels: Uint8Array; indices: number[] } {
  const pack = openPack(path);
  const indices = evenIndices(pack.count, Math.max(0, Math.floor(n)));
  const pixels = pack.readImages(indices);
  return {
    count: indices.length,
    resolution: pack.resolution,
    pixels: pack.channels === 1 ? repeatGrey(pixels) : pixels,
    indices,
  };
}

function labelInfo(label: Label): LabelInfo {
  const { name } = label;
  if (label.kind === "number") {
    const { values } = label;
    let [min, max, sum, missing] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
    for (const value of values) {
      if (Number.isNaN(value)) missing++;
      else {
        min = Math.min(min, value);
        max = Math.max(max, value);
        sum += value;
      }
    }
    return { name, missing, kind: "number", min, max, mean: sum / (values.length - missing) };
  }
  const categories = recordOf(label.categories.map((category) => [category, 0]));
  let missing = 0;
  for (const code of label.codes) {
    const category = label.categories[code];
    if (category === undefined) missing++;
    else categories[category] = (categories[category] ?? 0) + 1;
  }
  return { name, missing, kind: "category", categories };
}
