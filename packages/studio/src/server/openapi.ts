import type { SwaggerOptions } from "@fastify/swagger";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import { z } from "zod";
import { problemSchema } from "../shared/models.ts";
import { ownHeader } from "./safety/guard.ts";

/** Bodies that are no JSON, by the route. */
const binaryBodies: Readonly<Record<string, readonly string[]>> = {
  "/api/models/:id/encode": ["image/*", "application/octet-stream"],
};

const images = ["image/png", "application/octet-stream"];
/** What answers may be beside JSON, by the route. */
const binaryAnswers: Readonly<Record<string, readonly string[]>> = {
  "/models/:id/:file": ["application/json", "text/markdown", "application/octet-stream"],
  "/api/models/:id/decode": images,
  "/api/models/:id/edit": images,
  "/api/models/:id/sample": images,
  "/api/runs/:id/grids/:name": ["image/png"],
  "/api/events": ["text/event-stream"],
};

/** How the description of the API is made from the schemas of the routes. */
export const openApi = (version: string): SwaggerOptions => ({
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "Pioneer Studio",
      version,
      description: `What \`pioneer studio\` answers. Requests other than GET need the header "${ownHeader}: 1".`,
    },
  },
  transform(input) {
    const { schema, url } = jsonSchemaTransform(input);
    if (schema.hide === true) return { schema, url };
    const [body, answer] = [binaryBodies[url], binaryAnswers[url]];
    const isOwn = !["GET", "HEAD"].includes([input.route.method].flat().join());
    return {
      url,
      schema: {
        ...schema,
        ...(isOwn && { headers: ownHeaderSchema }),
        ...(body && { body: { content: binary(body) } }),
        response: { ...withBinary(schema.response, answer), default: problem },
      },
    };
  },
});

const ownHeaderSchema = {
  type: "object",
  properties: { [ownHeader]: { type: "string", enum: ["1"] } },
  required: [ownHeader],
};

const problem = { description: "Refused, and why", ...z.toJSONSchema(problemSchema, { target: "draft-2020-12" }) };

const binary = (types: readonly string[]) =>
  Object.fromEntries(types.map((type) => [type, { schema: { type: "string", format: "binary" } }]));

/** The success of a route, with the types that its answer may have beside JSON. */
function withBinary(response: unknown, types: readonly string[] | undefined): Record<string, unknown> {
  const answers = Object(response) as Record<string, unknown>;
  if (!types) return answers;
  const { 200: json, ...others } = answers;
  const content = { ...(json !== undefined && { "application/json": { schema: json } }), ...binary(types) };
  return { ...others, 200: { description: "As the request's Accept says", content } };
}
