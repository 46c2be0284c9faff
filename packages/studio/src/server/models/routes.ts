// api/models, and models/ID/: the files of model folders, by which a page opens them itself.

import { basename, dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { idSchema, modelList } from "../../shared/models.ts";
import { notFound } from "../errors.ts";
import { fileOf } from "../files/confined.ts";
import type { Library } from "./library.ts";
import { isModelFile } from "./model-folder.ts";

export async function modelRoutes(app: FastifyInstance, { library }: { readonly library: Library }): Promise<void> {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const tags = ["models"];

  routes.get(
    "/api/models",
    { schema: { tags, summary: "The models that are open", response: { 200: modelList } } },
    async () => library.list(),
  );

  routes.get(
    "/models/:id/:file",
    {
      schema: {
        tags,
        summary: "A file of a model folder",
        params: z.object({ id: idSchema, file: z.string().max(200) }),
      },
    },
    async (request, reply) => {
      const { id, file } = request.params;
      const folder = await library.folderOf(id);
      if (!(await isModelFile(folder, file))) throw notFound(`the model ${id} has no file ${JSON.stringify(file)}`);
      const path = await fileOf(folder, file);
      // Browsers ask again and are told by the ETag that nothing changed: a model folder may be exported anew.
      return reply.header("Cache-Control", "no-cache").sendFile(basename(path), dirname(path), { cacheControl: false });
    },
  );
}
