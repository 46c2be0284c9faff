import { directionsFile } from "pioneer-runtime/internal";
import {
  array,
  gte,
  type infer as Infer,
  literal,
  lte,
  nullable,
  number,
  object,
  optional,
  record,
  regex,
  string,
} from "zod/mini";

// What the page saves: project files, and the settings inside saved pictures.

/** Little-endian float32 in base64: exact, and a third of the length of decimal numbers. */
const latent = string().check(regex(/^[A-Za-z0-9+/]*={0,2}$/));
const strengths = record(string(), number());

/** A picture one comes back to. */
const saved = object({ name: string(), latent, strengths });

/** Text "pioneer-edit" of a saved PNG. */
export const editFile = object({
  format: literal(1),
  /** SHA-256 of the generator, which tells models apart, and its name. */
  model: object({ key: string(), name: string() }),
  name: string(),
  /** Before the edit. */
  latent,
  strengths,
  detail: number().check(gte(0), lte(1)),
});
export type EditFile = Infer<typeof editFile>;

/** A project file, and what the browser keeps of a model by itself. */
export const projectFile = object({
  format: literal(1),
  program: literal("pioneer-studio"),
  model: object({ key: string(), name: string() }),
  favourites: array(saved),
  /** Of the morph pad: top left, top right, bottom left, bottom right. */
  corners: array(nullable(saved)),
  /** Directions taught in the page, as directions.json has them. */
  taught: directionsFile.shape.directions,
  edit: optional(editFile),
});
export type ProjectFile = Infer<typeof projectFile>;

/** The chunk of a saved PNG that holds its latent and settings. */
export const editKeyword = "pioneer-edit";

export function latentToText(values: Float32Array): string {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setFloat32(4 * i, value, true);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

export function latentFromText(text: string): Float32Array {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => view.getFloat32(4 * i, true));
}
