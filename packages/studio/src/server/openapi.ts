import type { SwaggerOptions } from "@fastify/swagger";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import { z } from "zod";
import { problemSchema } from "../shared/models.ts";
import { ownHeader } from "./safety/guard.ts";

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
    const { schema: whole, url } = jsonSchemaTransform(input);
    if (whole.hide === true) return { schema: whole, url };
    // What the routes say in types alone: @fastify/swagger would give each of them the schema of the JSON.
    const { consumes, produces, ...schema } = whole;
    const isOwn = !["GET", "HEAD"].includes([input.route.method].flat().join());
    return {
      url,
      schema: {
        ...schema,
        ...(isOwn && { headers: ownHeaderSchema }),
        ...(consumes && { body: { content: binary(consumes) } }),
        response: { ...withBinary(schema.response, produces), default: problem },
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

/** The success of a route, with the types that its answer may have; the schema is that of JSON. */
function withBinary(response: unknown, types: readonly string[] | undefined): Record<string, unknown> {
  const answers = Object(response) as Record<string, unknown>;
  if (!types) return answers;
  const { 200: json, ...others } = answers;
  const content = { ...binary(types), ...(json !== undefined && { "application/json": { schema: json } }) };
  return { ...others, 200: { description: "As the request's Accept says", content } };
}
