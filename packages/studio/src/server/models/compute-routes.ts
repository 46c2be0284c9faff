// api/models/ID/encode, decode, edit, sample: what a page without an engine, and any program, asks for.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { FacePoints } from "pioneer-runtime";
import { z } from "zod";
import { decodeBody, editBody, encodeQuery, imagesAnswer, latentsAnswer, sampleBody } from "../../shared/computing.ts";
import { idSchema } from "../../shared/models.ts";
import { StudioError } from "../base/errors.ts";
import type { Admission } from "../compute/admission.ts";
import type { Pool } from "../compute/pool.ts";
import type { Job } from "../compute/protocol.ts";
import { flatten, forms, sendImages, sendLatents, wantedForm } from "./answers.ts";
import type { Library } from "./library.ts";

/** Bytes of a photo, or of planes. */
export const mostPhotoBytes = 32 * 2 ** 20;
/** Bytes of a body in JSON: 64 latents of 4096 numbers of 20 letters. */
const mostJsonBytes = 6 * 2 ** 20;

export interface ComputeParts {
  readonly library: Library;
  readonly pool: Pool;
  readonly admission: Admission;
}

const params = z.object({ id: idSchema });
const tags = ["models"];

export async function computeRoutes(app: FastifyInstance, { library, pool, admission }: ComputeParts): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const keep = (_request: FastifyRequest, body: Buffer, done: (error: null, body: Buffer) => void) => done(null, body);
  app.addContentTypeParser(/^image\//, { parseAs: "buffer" }, keep);
  app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, keep);
  app.addHook("onRequest", admission.enter);

  /** Computes a job for a request; who went away meanwhile is not waited for. */
  const compute = async (id: string, reply: FastifyReply, jobOf: (latent: number) => Job) => {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(new StudioError(499, "GONE", "the request was given up")));
    const model = await library.open(id);
    return pool.run(model, jobOf(model.latent), gone.signal);
  };

  routes.post(
    "/api/models/:id/encode",
    {
      bodyLimit: mostPhotoBytes,
      schema: {
        tags,
        summary: "Where a photo lies among the model's latents",
        description:
          "The body is an image file (image/jpeg, image/png, image/webp ...), or float32 [count, 3, r, r] in [-1, 1], little-endian (application/octet-stream).",
        consumes: ["image/*", "application/octet-stream"],
        params,
        querystring: encodeQuery,
        response: { 200: latentsAnswer },
      },
    },
    async (request, reply) => {
      const body: unknown = request.body;
      if (!Buffer.isBuffer(body) || body.length === 0) {
        throw new StudioError(
          400,
          "IMAGE",
          "the body is empty: send the bytes of an image file, Content-Type image/...",
        );
      }
      const isPlanes = request.headers["content-type"]?.startsWith("application/octet-stream") === true;
      const { face } = request.query;
      const job: Job = isPlanes
        ? { kind: "encode-planes", images: planesOf(body) }
        : { kind: "encode", photo: body, face: face === undefined ? undefined : faceOf(face) };
      return sendLatents(reply, await compute(request.params.id, reply, () => job));
    },
  );

  routes.post(
    "/api/models/:id/decode",
    {
      bodyLimit: mostJsonBytes,
      schema: {
        tags,
        summary: "The images of latents",
        produces: forms,
        params,
        body: decodeBody,
        response: { 200: imagesAnswer },
      },
    },
    async (request, reply) => {
      const { latents } = request.body;
      const { form, as } = wantedForm(request, latents.length);
      const jobOf = (n: number): Job => ({ kind: "decode", latents: flatten(latents, n), form: as });
      return sendImages(reply, await compute(request.params.id, reply, jobOf), form);
    },
  );

  routes.post(
    "/api/models/:id/edit",
    {
      bodyLimit: mostJsonBytes,
      schema: {
        tags,
        summary: "Latents moved along directions, and their images",
        produces: forms,
        params,
        body: editBody,
        response: { 200: imagesAnswer },
      },
    },
    async (request, reply) => {
      const { latents, strengths } = request.body;
      const { form, as } = wantedForm(request, latents.length);
      const jobOf = (n: number): Job => ({ kind: "edit", latents: flatten(latents, n), strengths, form: as });
      return sendImages(reply, await compute(request.params.id, reply, jobOf), form);
    },
  );

  routes.post(
    "/api/models/:id/sample",
    {
      bodyLimit: mostJsonBytes,
      schema: {
        tags,
        summary: "Random latents and their images: those of `pioneer sample --seed`",
        produces: forms,
        params,
        body: sampleBody,
        response: { 200: imagesAnswer },
      },
    },
    async (request, reply) => {
      const { count, seed } = request.body;
      const { form, as } = wantedForm(request, count);
      const computed = await compute(request.params.id, reply, () => ({ kind: "sample", count, seed, form: as }));
      return sendImages(reply, computed, form);
    },
  );
}

function planesOf(body: Buffer): Float32Array {
  if (body.length % 4 !== 0) {
    throw new StudioError(
      400,
      "IMAGE",
      `${body.length} bytes are no float32 numbers: send [count, 3, r, r] of four bytes each`,
    );
  }
  // A copy: the numbers of a Buffer may begin anywhere.
  return new Float32Array(new Uint8Array(body).buffer);
}

function faceOf(text: string): FacePoints {
  const [x1, y1, x2, y2, x3, y3] = text.split(",").map(Number) as [number, number, number, number, number, number];
  return { eyeLeft: [x1, y1], eyeRight: [x2, y2], mouth: [x3, y3] };
}
