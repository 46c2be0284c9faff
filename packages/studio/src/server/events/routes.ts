import type { FastifyInstance } from "fastify";
import { StudioError } from "../base/errors.ts";
import { type Hub, mostListeners } from "./hub.ts";
import type { RunEvents } from "./run-events.ts";

export interface EventParts {
  readonly hub: Hub;
  readonly events: RunEvents;
}

/** api/events: server-sent events, as src/shared/runs.ts names them. What a page reads once it is open, they go on from. */
export async function eventRoutes(app: FastifyInstance, { hub, events }: EventParts): Promise<void> {
  app.get(
    "/api/events",
    {
      schema: {
        tags: ["runs"],
        summary: "What happens, as server-sent events: models, runs, run, stats, grids",
        produces: ["text/event-stream"],
      },
    },
    async (_request, reply) => {
      if (hub.isFull) throw new StudioError(503, "BUSY", `${mostListeners} pages listen already: close one`, 5);
      await events.begin();
      reply.hijack();
      // Who has gone meanwhile is never told to go.
      if (!reply.raw.destroyed) hub.add(reply.raw, reply.getHeaders());
      else if (hub.isSilent) events.rest();
    },
  );
}
