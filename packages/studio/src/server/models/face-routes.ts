// faces/: the weights by which the page finds faces, from the package that brings them.
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { faceFiles, faceFolder } from "pioneer-runtime";
import { z } from "zod";
import { notFound } from "../base/errors.ts";

export async function faceRoutes(app: FastifyInstance): Promise<void> {
  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      "/faces/:file",
      { schema: { hide: true, params: z.object({ file: z.string().max(200) }) } },
      async ({ params: { file } }, reply) => {
        if (!faceFiles.includes(file)) throw notFound(`there is no file ${JSON.stringify(file)} here`);
        return reply.sendFile(file, faceFolder());
      },
    );
}
