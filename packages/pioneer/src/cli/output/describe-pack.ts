import { formatBytes } from "../../base/format.ts";
import type { LabelInfo } from "../../data/pack/info.ts";
import { describeCrop } from "./describe-crop.ts";
import type { Description } from "./description.ts";

/** How many skipped files are listed for people; --json has all. */
const shownSkipped = 10;

/**
 * What a pack holds.
 * @param verify reads it whole and compares checksums
 * @throws DataError if it is not a good pack
 */
export async function describePack(path: string, verify: boolean): Promise<Description> {
  const { packInfo } = await import("../../data/pack/info.ts");
  const { verifyPack } = await import("../../data/pack/pack.ts");

  const info = packInfo(path);
  if (verify) await verifyPack(path);
  const size = `${info.resolution}x${info.resolution}`;
  const splits = Object.entries(info.splits).map(([name, images]) => `${name} ${images}`);
  const skipped = info.skipped.map(({ name, reason }) => `skipped  ${name} ${reason}`);
  const lines = [
    `pack     ${path}, ${formatBytes(info.bytes)}${verify ? ", all checksums good" : ""}`,
    `images   ${info.count} of ${size}, ${info.colour}, ${describeCrop(info)}`,
    `splits   ${splits.join(", ")}`,
    `source   ${info.source.kind} ${info.source.name}`,
    `id       ${info.id}`,
    ...info.labels.map((label) => `label    ${labelLine(label)}`),
    ...(info.enlarged > 0
      ? [`enlarged ${info.enlarged} ${info.enlarged === 1 ? "image was" : "images were"} smaller than ${size}`]
      : []),
    ...info.notes.map((note) => `note     ${note}`),
    ...skipped.slice(0, shownSkipped),
    ...(skipped.length > shownSkipped ? [`skipped  and ${skipped.length - shownSkipped} more`] : []),
  ];
  return { value: { kind: "pack", ...info, ...(verify ? { verified: true } : {}) }, lines };
}

function labelLine(label: LabelInfo): string {
  const missing = label.missing > 0 ? `, ${label.missing} without` : "";
  if (label.kind === "number") {
    const [min, max, mean] = [label.min, label.max, label.mean].map((value) => Number(value.toPrecision(3)));
    return `${label.name}: ${min} to ${max}, mean ${mean}${missing}`;
  }
  const counts = Object.entries(label.categories).map(([category, images]) => `${category} ${images}`);
  const more = counts.length > 6 ? ` and ${counts.length - 6} more` : "";
  return `${label.name}: ${counts.slice(0, 6).join(", ")}${more}${missing}`;
}
