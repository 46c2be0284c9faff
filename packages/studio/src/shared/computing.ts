// What the server computes with a model: bodies of api/models/ID/encode, decode, edit and sample.
import { z } from "zod";

/** At most so many images in one request. */
export const mostImages = 64;

const latent = z.array(z.number()).min(2).max(4096);
const latentsSchema = z.array(latent).min(1).max(mostImages);

/**
 * Answers to decode, edit and sample come as the request's Accept says: application/json (this, images as PNG in base64),
 * image/png (of one image), application/octet-stream (RGBA bytes, [count, r, r, 4]).
 */
export const imagesAnswer = z.object({ latents: z.array(z.array(z.number())), images: z.array(z.base64()) });
export type ImagesAnswer = z.infer<typeof imagesAnswer>;

/** Answer to encode, whose body is the bytes of an image file, or (application/octet-stream) float32 [count, 3, r, r] in [-1, 1]. */
export const latentsAnswer = z.object({ latents: z.array(z.array(z.number())) });
export type LatentsAnswer = z.infer<typeof latentsAnswer>;

/** Places of a face in the upright photo, in pixels: left eye x,y, right eye x,y, mouth x,y. */
export const encodeQuery = z.object({
  face: z
    .string()
    .regex(/^-?\d+(\.\d+)?(,-?\d+(\.\d+)?){5}$/)
    .optional(),
});

export const decodeBody = z.object({ latents: latentsSchema });

export const editBody = z.object({
  latents: latentsSchema,
  /** How far to go along each direction, by name; a slider ends at the reach of its direction. */
  strengths: z.record(z.string().max(200), z.number().min(-1000).max(1000)),
});

export const sampleBody = z.object({
  count: z.int().min(1).max(mostImages).default(1),
  seed: z.int().min(0).default(0),
});
