import type { Edit } from "../state/edit.ts";

/** What the picture that is edited is called; files are named after it. */
export function sourceName({ source }: Edit): string {
  if (!source) return "picture";
  return source.kind === "photo" ? source.photo.name.replace(/\.[^.]+$/, "") : source.name;
}
