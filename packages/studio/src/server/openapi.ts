import type { SwaggerOptions } from "@fastify/swagger";
import { jsonSchemaTransform } from "fastify-type-provider-zod";

/** How the description of the API is made from the schemas of the routes. */
export const openApi = (version: string): SwaggerOptions => ({
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "Pioneer Studio",
      version,
      description:
        'What `pioneer studio` answers. Requests other than GET need the header "X-Pioneer: 1". Refusals are {"error": {"code", "message"}}.',
    },
  },
  transform: jsonSchemaTransform,
});
