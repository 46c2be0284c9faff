import type { Direction } from "../state/shelf.ts";

type Directions = Readonly<Record<string, Direction>>;

const titles = ["Taught here", "Learned from labels", "Imported", "Found without labels"] as const;

interface Group {
  readonly title: (typeof titles)[number];
  readonly members: readonly string[];
}

/** Directions by how they were found; groups without any are left out. */
export function groupsOf(directions: Directions, taught: Directions): Group[] {
  const titleOf = (name: string): Group["title"] => {
    if (Object.hasOwn(taught, name)) return "Taught here";
    const { method } = directions[name] as Direction;
    if (method === "pca") return "Found without labels";
    return method === "imported" ? "Imported" : "Learned from labels";
  };
  const names = Object.keys(directions);
  return titles
    .map((title) => ({ title, members: names.filter((name) => titleOf(name) === title) }))
    .filter(({ members }) => members.length > 0);
}

/** A name as a person would write it: mouthOpen and mouth_open are "mouth open". */
export function wordsOf(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}

/** Deviations of its own attribute, at strength 1, from which on an edit is no disappointment. */
const leastOwn = 0.5;

/** That pictures hardly show it, where that was tried; else how well it is told from latents that it was not learned from. */
export function scoreOf({ shown, heldOut }: Direction): string {
  if (shown && shown.own < leastOwn) return "shows little";
  if (!heldOut) return "";
  const { kind, value, count } = heldOut;
  return kind === "accuracy" ? `${Math.round(100 * value)} % right of ${count}` : `R² ${value.toFixed(2)}`;
}

/** Below this cosine two directions hardly meet. */
const leastCosine = 0.25;

/** Deviations at strength 1 that are hardly seen. */
const leastSeen = 0.15;

/** What an edit changes beside its own: as it was seen in pictures, else other directions it goes along, by their cosines. */
export function alsoMoves(name: string, directions: Directions): string {
  const { vector, shown } = directions[name] as Direction;
  const other = shown?.other;
  if (other) {
    return Math.abs(other.effect) >= leastSeen ? `also moves ${signed(other.name, other.effect)}` : "";
  }
  const others = Object.entries(directions)
    .filter(([other]) => other !== name)
    .map(([other, direction]) => ({ other, cosine: dot(vector, direction.vector) }))
    .filter(({ cosine }) => Math.abs(cosine) >= leastCosine)
    .sort((a, b) => Math.abs(b.cosine) - Math.abs(a.cosine))
    .slice(0, 3);
  if (others.length === 0) return "";
  return `also moves ${others.map(({ other, cosine }) => signed(other, cosine)).join(", ")}`;
}

/** "mouth open +0.5". */
export const signed = (name: string, value: number, digits = 1): string =>
  `${wordsOf(name)} ${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(digits)}`;

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
