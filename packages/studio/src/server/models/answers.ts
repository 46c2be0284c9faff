import type { FastifyReply, FastifyRequest } from "fastify";
import type { ImagesAnswer, LatentsAnswer } from "../../shared/computing.ts";
import { StudioError } from "../base/errors.ts";
import type { Computed, ImageForm } from "../compute/protocol.ts";

/** What images are answered as. */
export const forms = ["application/json", "image/png", "application/octet-stream"] as const;
type Form = (typeof forms)[number];

/** In what an answer with images is wanted, by the request's Accept: the first that is named, JSON where none is. */
export function wantedForm({ headers }: Pick<FastifyRequest, "headers">, count: number): { form: Form; as: ImageForm } {
  const { accept = "" } = headers;
  const named = accept.split(",").map((part) => part.split(";", 1)[0]?.trim());
  const form = named.map((name) => forms.find((one) => one === name)).find((one) => one !== undefined) ?? forms[0];
  if (form === "image/png" && count !== 1) {
    throw new StudioError(406, "ACCEPT", `image/png holds one image, and this makes ${count}: accept application/json`);
  }
  return { form, as: form === "application/octet-stream" ? "rgba" : "png" };
}

export function sendImages(reply: FastifyReply, { latents, latent, resolution, images }: Computed, form: Form) {
  if (form === "application/json") {
    const answer: ImagesAnswer = {
      latents: rowsOf(latents, latent),
      images: images.map((png) => Buffer.from(png).toString("base64")),
    };
    return reply.send(answer);
  }
  const [bytes = new Uint8Array()] = images;
  return reply
    .type(form)
    .header("X-Resolution", resolution)
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

export const sendLatents = (reply: FastifyReply, { latents, latent }: Computed) =>
  reply.send({ latents: rowsOf(latents, latent) } satisfies LatentsAnswer);

function rowsOf(latents: Float32Array, latent: number): number[][] {
  const rows = [];
  for (let at = 0; at < latents.length; at += latent) rows.push(Array.from(latents.subarray(at, at + latent)));
  return rows;
}

/** Rows of one length in one piece. @throws StudioError naming the row that is not as long as a latent */
export function flatten(rows: readonly (readonly number[])[], latent: number): Float32Array {
  const wrong = rows.findIndex((row) => row.length !== latent);
  if (wrong !== -1) {
    const got = rows[wrong]?.length;
    throw new StudioError(400, "LATENT", `latents[${wrong}] has ${got} numbers, this model's latents have ${latent}`);
  }
  return Float32Array.from(rows.flat());
}
