// api/models, and models/ID/: the files of model folders, by which a page opens them itself.

import { basename, dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { idSchema, modelList, newDirections, usableModel } from "../../shared/models.ts";
import { fileOf } from "../base/confined.ts";
import { notFound } from "../base/errors.ts";
import type { Library } from "./library.ts";
import { isModelFile } from "./model-folder.ts";
import type { TaughtDirections } from "./taught.ts";

export interface ModelParts {
  readonly library: Library;
  readonly taught: TaughtDirections;
  /** Called when a model was changed. */
  readonly onChange: () => void;
}

export async function modelRoutes(app: FastifyInstance, { library, taught, onChange }: ModelParts): Promise<void> {
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
        produces: ["application/json", "text/markdown", "application/octet-stream"],
        params: z.object({ id: idSchema, file: z.string().max(200) }),
      },
    },
    async (request, reply) => {
      const { id, file } = request.params;
      const folder = await library.folderOf(id);
      if (!(await isModelFile(folder, file))) throw notFound(`the model ${id} has no file ${JSON.stringify(file)}`);
      const path = await fileOf(folder, file);
      return reply.sendFile(basename(path), dirname(path));
    },
  );

  routes.put(
    "/api/models/:id/directions",
    {
      bodyLimit: 6 * 2 ** 20,
      schema: {
        tags,
        summary: "Save taught directions into the model folder",
        description: "They are added to directions.json; one of the same name gives way.",
        params: z.object({ id: idSchema }),
        body: newDirections,
        response: { 200: usableModel },
      },
    },
    async ({ params: { id }, body: { directions } }) => {
      const model = await taught.add(id, directions);
      onChange();
      return model;
    },
  );
}
