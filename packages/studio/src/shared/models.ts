// What the server says of models. The page imports the types, the server the schemas.
import { colours, crops, directionsFile, faceTemplate } from "pioneer-runtime/internal";
import { z } from "zod";

/** A name that stands in an address: letters, digits, dots, hyphens and underscores. */
export const idSchema = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);

/** A model folder that can be used; its files are at models/ID/. */
export const usableModel = z.object({
  usable: z.literal(true),
  id: idSchema,
  name: z.string(),
  /** Changes whenever the folder's files do. */
  version: z.string(),
  resolution: z.int(),
  latent: z.int(),
  /** Of its widest layer. */
  channels: z.int(),
  colour: z.enum(colours),
  crop: z.enum(crops),
  /** Where its training photos had eyes and mouth, in shares of the square's side; null where they were not aligned. */
  align: z.nullable(faceTemplate),
  hasEncoder: z.boolean(),
  recipe: z.string(),
  dtype: z.string(),
  kimg: z.number(),
  /** How many directions it has. */
  directions: z.int(),
  /** Bytes that a page reads to use it. */
  bytes: z.int(),
  /** Its README.md, which `pioneer export` wrote; null where there is none. */
  card: z.string().nullable(),
});
export type UsableModel = z.infer<typeof usableModel>;

/** A folder that was meant to be a model, and in one line why it cannot be used. */
const brokenModel = z.object({
  usable: z.literal(false),
  id: idSchema,
  name: z.string(),
  problem: z.string(),
});
export type BrokenModel = z.infer<typeof brokenModel>;

/** GET api/models */
export const modelList = z.array(z.discriminatedUnion("usable", [usableModel, brokenModel]));
export type ModelList = z.infer<typeof modelList>;

/** GET studio.json: who serves this page. */
export const siteSchema = z.discriminatedUnion("server", [
  /** `pioneer studio` does. */
  z.object({ server: z.literal(true), version: z.string() }),
  /** `pioneer studio --build` wrote it: there is no api, and the models are these. */
  z.object({ server: z.literal(false), version: z.string(), models: modelList }),
]);
export type Site = z.infer<typeof siteSchema>;

/** The body of every answer that is no success. */
export const problemSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });
export type Problem = z.infer<typeof problemSchema>;

/** PUT api/models/ID/directions: those to add; one of the same name gives way. */
export const newDirections = z.object({
  directions: z
    .record(z.string().min(1).max(100), directionsFile.shape.directions.def.valueType)
    .refine((directions) => Object.keys(directions).length > 0, "at least one direction")
    .refine((directions) => Object.keys(directions).length <= 100, "at most 100 directions at once"),
});
export type NewDirections = z.infer<typeof newDirections>;
