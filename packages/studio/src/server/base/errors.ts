import type { FastifyInstance, FastifyRequest } from "fastify";
import { ModelError } from "pioneer-runtime";
import { firstLine } from "pioneer-runtime/internal";
import type { Problem } from "../../shared/models.ts";

/** What a request is refused with: a status, and one line that says what is wrong, with which value, and the mend. */
export class StudioError extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: string, message: string, retryAfter?: number) {
    super(message);
    this.name = "StudioError";
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

export const notFound = (message: string) => new StudioError(404, "MISSING", message);

/** What is asked for while the server ends. */
export const closing = () => new StudioError(503, "CLOSING", "pioneer studio is closing", 5);

/** Of a ModelError: whose fault it is. */
const modelStatus: Partial<Record<ModelError["code"], number>> = {
  IMAGE: 400,
  LATENT: 400,
  OPTION: 400,
  PART: 409,
  MISSING: 409,
  DAMAGED: 409,
  FORMAT: 409,
};

/** Any error as an answer. What nobody foresaw is told by its first line. */
function asStudioError(error: unknown, request: FastifyRequest): StudioError {
  if (error instanceof StudioError) return error;
  if (error instanceof ModelError) return new StudioError(modelStatus[error.code] ?? 500, error.code, error.message);
  const refused = refusals[String(Object(error).code)]?.(request);
  if (refused) return refused;
  const { statusCode, code } = Object(error) as { statusCode?: unknown; code?: unknown };
  const status = typeof statusCode === "number" && statusCode >= 400 ? statusCode : 500;
  return new StudioError(status, codeOf(status, code), firstLine(error));
}

/** What Fastify refuses, said with the value and the mend. */
const refusals: Record<string, (request: FastifyRequest) => StudioError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ({ headers, routeOptions }) => {
    const limit = `at most ${(routeOptions.bodyLimit / 2 ** 20).toFixed(0)} MiB are taken`;
    const length = headers["content-length"];
    return new StudioError(413, "TOO_LARGE", `the body${length ? ` has ${length} bytes` : " is too large"}: ${limit}`);
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ({ headers }) => {
    const got = headers["content-type"]?.slice(0, 100) ?? "none";
    const mend = "send application/json, or to encode image/... or application/octet-stream";
    return new StudioError(415, "MEDIA_TYPE", `Content-Type is ${got}: ${mend}`);
  },
};

function codeOf(status: number, code: unknown): string {
  if (status === 413) return "TOO_LARGE";
  if (status >= 400 && status < 500) return "REQUEST";
  return typeof code === "string" && !code.startsWith("FST_") ? code : "UNEXPECTED";
}

const problemOf = ({ code, message }: StudioError): Problem => ({ error: { code, message } });

/** Every answer that is no success is a Problem in JSON, those to unknown addresses too. */
export function answerErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (thrown, request, reply) => {
    const error = asStudioError(thrown, request);
    if (error.retryAfter !== undefined) reply.header("Retry-After", String(error.retryAfter));
    return reply
      .code(error.status)
      .type("application/json")
      .send(JSON.stringify(problemOf(error)));
  });
  app.setNotFoundHandler(async (request) => {
    throw notFound(`there is no ${request.method} ${request.url.split("?", 1)[0]}`);
  });
}
