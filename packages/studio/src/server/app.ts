import { join, sep } from "node:path";
import fastifyStatic from "@fastify/static";
import fastifySwagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { type Site, siteSchema } from "../shared/models.ts";
import { answerErrors } from "./base/errors.ts";
import { Admission } from "./compute/admission.ts";
import type { Pool } from "./compute/pool.ts";
import { type EventParts, eventRoutes } from "./events/routes.ts";
import { computeRoutes } from "./models/compute-routes.ts";
import { faceRoutes } from "./models/face-routes.ts";
import { type ModelParts, modelRoutes } from "./models/routes.ts";
import { openApi } from "./openapi.ts";
import { type RunParts, runRoutes } from "./runs/routes.ts";
import { type GuardOptions, guard } from "./safety/guard.ts";

export interface AppParts extends GuardOptions, EventParts, ModelParts, RunParts {
  /** What `vite build` made of the page. */
  readonly page: string;
  readonly version: string;
  readonly pool: Pool;
  /** Requests that may be computed or wait for it. */
  readonly requests: number;
}

/** Bytes of all bodies that are computed or wait for it. */
const mostBytes = 256 * 2 ** 20;

/** The server with everything it answers; it does not listen yet. */
export async function makeApp(parts: AppParts): Promise<FastifyInstance> {
  const { page, library, pool, version } = parts;
  const app = Fastify({
    forceCloseConnections: true,
    bodyLimit: 2 ** 20,
    // A client that sends a body byte by byte is not waited for longer.
    requestTimeout: 120_000,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerErrors(app);
  guard(app, parts);
  await app.register(fastifySwagger, openApi(version));
  await app.register(fastifyStatic, {
    root: page,
    cacheControl: false,
    // Names of built files hold a digest of what is in them; whatever else there is, is asked for anew each time.
    setHeaders(response, path) {
      const isNamed = path.startsWith(join(page, "assets", sep));
      response.setHeader("Cache-Control", isNamed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
  const site: Site = { server: true, version };
  app.get("/studio.json", { schema: { hide: true, response: { 200: siteSchema } } }, async () => site);
  app.get("/api/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  await app.register(modelRoutes, parts);
  await app.register(faceRoutes);
  const admission = new Admission({ requests: parts.requests, bytes: mostBytes });
  await app.register(computeRoutes, { library, pool, admission });
  await app.register(runRoutes, parts);
  await app.register(eventRoutes, parts);
  return app;
}
