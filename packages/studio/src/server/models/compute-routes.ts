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
import type { ImageForm, Job } from "../compute/protocol.ts";
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

type ModelRequest = Pick<FastifyRequest, "headers"> & { readonly params: { readonly id: string } };

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

  /** Answers with images, in the form that the request accepts. @param count how many it will be */
  const answerImages = async (
    request: ModelRequest,
    reply: FastifyReply,
    count: number,
    jobOf: (form: ImageForm, latent: number) => Job,
  ) => {
    const { form, as } = wantedForm(request, count);
    return sendImages(reply, await compute(request.params.id, reply, (latent) => jobOf(as, latent)), form);
  };
  const ofImages = { tags, produces: forms, params, response: { 200: imagesAnswer } };

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
    { bodyLimit: mostJsonBytes, schema: { ...ofImages, summary: "The images of latents", body: decodeBody } },
    async (request, reply) => {
      const { latents } = request.body;
      return answerImages(request, reply, latents.length, (form, latent) => {
        return { kind: "decode", latents: flatten(latents, latent), form };
      });
    },
  );

  routes.post(
    "/api/models/:id/edit",
    {
      bodyLimit: mostJsonBytes,
      schema: { ...ofImages, summary: "Latents moved along directions, and their images", body: editBody },
    },
    async (request, reply) => {
      const { latents, strengths } = request.body;
      return answerImages(request, reply, latents.length, (form, latent) => {
        return { kind: "edit", latents: flatten(latents, latent), strengths, form };
      });
    },
  );

  routes.post(
    "/api/models/:id/sample",
    {
      bodyLimit: mostJsonBytes,
      schema: {
        ...ofImages,
        summary: "Random latents and their images: those of `pioneer sample --seed`",
        body: sampleBody,
      },
    },
    async (request, reply) => {
      const { count, seed } = request.body;
      return answerImages(request, reply, count, (form) => ({ kind: "sample", count, seed, form }));
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
