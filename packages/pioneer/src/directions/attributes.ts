// What --attribute asks for, found among the labels of a pack.

import { ConfigError, DataError } from "../base/errors.ts";
import type { Label, Pack } from "../data/pack/pack.ts";

/** An attribute of some images. */
export interface Attribute {
  readonly name: string;
  /** Whether its images are on one of two sides, 1 and 0, or have a number each. */
  readonly kind: "category" | "number";
  /** By image of the pack; NaN where it is not known, or of neither side. */
  readonly values: Float64Array;
}

/** Fewer images a side say more of the images than of the attribute. */
export const leastImages = 50;

/**
 * "smile=expression:happiness/neutral" (a category against another), "glasses=eyewear:glasses" (against all others), "nose=noseSize" or
 * "noseSize" (a column of numbers), "feminine=-male" (one the other way round).
 * @param flag that it was given to, for messages
 * @throws ConfigError for what is not written so, or a column or category that the pack does not have
 */
export function findAttribute(text: string, pack: Pack, flagName = "--attribute"): Attribute {
  const match = /^(?:(?<name>[^=]+)=)?(?<column>[^:]+)(?::(?<positive>[^/]+)(?:\/(?<negative>.+))?)?$/.exec(text);
  const { name, column = "", positive, negative } = match?.groups ?? {};
  const flag = `${flagName} ${text}`;
  if (!match) throw new ConfigError(`${flag}: expected NAME=COLUMN, NAME=-COLUMN or NAME=COLUMN:POSITIVE/NEGATIVE`);
  const labelOf = (wanted: string) => pack.labels.find((each) => each.name === wanted);
  const turned = column.startsWith("-") && labelOf(column) === undefined;
  const label = labelOf(turned ? column.slice(1) : column);
  if (!label) {
    const columns = pack.labels.map((each) => each.name).join(", ");
    throw new ConfigError(`${flag}: ${pack.path} has no label ${column}; it has ${columns || "none"}`);
  }
  if (turned && positive !== undefined) {
    throw new ConfigError(`${flag}: say the sides the other way round, in place of the minus`);
  }
  if (positive === undefined) {
    const { kind, values } = wholeColumn(flag, label);
    const other = (value: number) => (kind === "category" ? 1 - value : -value);
    return { name: name ?? column, kind, values: turned ? values.map(other) : values };
  }
  return { name: name ?? positive, kind: "category", values: sides(flag, label, positive, negative) };
}

function wholeColumn(flag: string, label: Label): Omit<Attribute, "name"> {
  if (label.kind === "category") {
    throw new ConfigError(
      `${flag}: ${label.name} has categories (${some(label.categories)}): say which against which, as in ${label.name}:${label.categories[0]}/${label.categories[1] ?? "..."}`,
    );
  }
  const known = new Set(label.values.filter((value) => !Number.isNaN(value)));
  if (known.size !== 2) return { kind: "number", values: label.values };
  // Two numbers are two sides, such as CelebA's 1 and -1.
  const high = Math.max(...known);
  return {
    kind: "category",
    values: label.values.map((value) => (Number.isNaN(value) ? value : Number(value === high))),
  };
}

function sides(flag: string, label: Label, positive: string, negative: string | undefined): Float64Array {
  const names = label.kind === "category" ? label.categories : [...new Set(label.values)].map(String);
  for (const side of [positive, negative]) {
    if (side !== undefined && !names.includes(side)) {
      throw new ConfigError(`${flag}: ${label.name} is never ${side}; it is ${some(names)}`);
    }
  }
  const nameAt = (i: number) =>
    label.kind === "category" ? (label.categories[label.codes[i] as number] ?? "") : String(label.values[i]);
  const count = label.kind === "category" ? label.codes.length : label.values.length;
  return Float64Array.from({ length: count }, (_, i) => {
    const side = nameAt(i);
    if (side === positive) return 1;
    if (side === "" || side === "NaN") return Number.NaN;
    return negative === undefined || side === negative ? 0 : Number.NaN;
  });
}

/**
 * Refuses an attribute that too few images show.
 * @param rows the images that it would be learned from
 * @throws DataError with both counts
 */
export function checkAttribute({ name, kind, values }: Attribute, rows: readonly number[]): void {
  const known = rows.map((row) => values[row] as number).filter((value) => !Number.isNaN(value));
  const middle = kind === "category" ? 0.5 : known.reduce((sum, value) => sum + value, 0) / known.length;
  const above = known.filter((value) => value > middle).length;
  const below = known.length - above;
  if (Math.min(above, below) >= leastImages) return;
  const what = kind === "category" ? "with it and without it" : "above and below its mean";
  throw new DataError(
    `${name}: ${above} and ${below} images to learn from ${what}, at least ${leastImages} of each are needed: label more images, or, where --count leaves some out, give it a larger number`,
  );
}

const some = (names: readonly string[]) =>
  names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")}, ...`;
