// api/runs: what `pioneer train` has written, and what it is to do.
import { basename, dirname } from "node:path";
import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { idSchema } from "../../shared/models.ts";
import {
  cursorSchema,
  gridList,
  openedAnswer,
  planAnswer,
  resumeBody,
  runList,
  runSummary,
  startBody,
  statsAnswer,
} from "../../shared/runs.ts";
import { fileOf } from "../base/confined.ts";
import { notFound } from "../base/errors.ts";
import type { CheckpointExports } from "./export.ts";
import { isGrid, readGrids } from "./pictures.ts";
import type { Runs } from "./runs.ts";
import { readTicks } from "./stats.ts";
import type { Trainer } from "./trainer.ts";

export interface RunParts {
  readonly runs: Runs;
  readonly trainer: Trainer;
  readonly exports: CheckpointExports;
  /** Called when something was started or stopped. */
  readonly onChange: () => void;
}

const params = z.object({ id: idSchema });
const tags = ["runs"];

export async function runRoutes(app: FastifyInstance, parts: RunParts): Promise<void> {
  readingRoutes(app, parts.runs);
  changingRoutes(app, parts);
}

function readingRoutes(app: FastifyInstance, runs: Runs): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.get(
    "/api/runs",
    { schema: { tags, summary: "The runs of the folder", response: { 200: runList } } },
    async () => ({ folder: runs.folder, runs: await runs.list() }),
  );

  routes.get(
    "/api/runs/:id",
    { schema: { tags, summary: "A run", params, response: { 200: runSummary } } },
    async ({ params: { id } }) => runs.summary(id),
  );

  routes.get(
    "/api/runs/:id/stats",
    {
      schema: {
        tags,
        summary: "Its status lines, all or from a cursor on; at most 16 MiB at once",
        params,
        querystring: z.object({ from: cursorSchema.optional() }),
        response: { 200: statsAnswer },
      },
    },
    async ({ params: { id }, query: { from } }) => readTicks(await runs.folderOf(id), from),
  );

  routes.get(
    "/api/runs/:id/grids",
    { schema: { tags, summary: "Its pictures, oldest first", params, response: { 200: gridList } } },
    async ({ params: { id } }) => readGrids(await runs.folderOf(id)),
  );

  routes.get(
    "/api/runs/:id/grids/:name",
    {
      schema: {
        tags,
        summary: "A picture, as PNG",
        produces: ["image/png"],
        params: params.extend({ name: idSchema }),
      },
    },
    async ({ params: { id, name } }, reply) => {
      if (!isGrid(name)) throw notFound(`the run ${id} has no picture ${JSON.stringify(name)}`);
      const path = await fileOf(await runs.folderOf(id), name);
      return reply.sendFile(basename(path), dirname(path));
    },
  );
}

function changingRoutes(app: FastifyInstance, { runs, trainer, exports, onChange }: RunParts): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.post(
    "/api/runs",
    {
      schema: {
        tags,
        summary: "Plan a run, or start it",
        description: "With plan: true nothing is started; the answer is what `pioneer train --plan --json` says.",
        body: startBody,
        response: { 200: planAnswer, 202: runSummary },
      },
    },
    async ({ body: { id, plan, options } }, reply) => {
      if (plan) return reply.send({ plan: await trainer.plan(id, options) });
      const summary = await trainer.start(id, options);
      onChange();
      return reply.code(202).send(summary);
    },
  );

  routes.post(
    "/api/runs/:id/stop",
    { schema: { tags, summary: "Write a checkpoint and stop", params, response: { 202: runSummary } } },
    async ({ params: { id } }, reply) => {
      await trainer.stop(id);
      return reply.code(202).send(await runs.summary(id));
    },
  );

  routes.post(
    "/api/runs/:id/resume",
    {
      schema: { tags, summary: "Go on with a run", params, body: resumeBody.nullish(), response: { 202: runSummary } },
    },
    async ({ params: { id }, body }, reply) => {
      const summary = await trainer.resume(id, body?.maxMinutes);
      onChange();
      return reply.code(202).send(summary);
    },
  );

  routes.post(
    "/api/runs/:id/checkpoints/:name/open",
    {
      schema: {
        tags,
        summary: "Export a checkpoint and open it as a model",
        params: params.extend({ name: idSchema }),
        response: { 200: openedAnswer },
      },
    },
    async ({ params: { id, name } }) => {
      const model = await exports.open(id, name);
      onChange();
      return { model };
    },
  );
}
