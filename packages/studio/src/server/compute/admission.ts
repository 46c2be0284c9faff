import type { FastifyReply, FastifyRequest } from "fastify";
import { StudioError } from "../base/errors.ts";

export interface AdmissionLimits {
  /** Requests that are computed or wait for it. */
  readonly requests: number;
  /** Bytes of their bodies together. */
  readonly bytes: number;
}

/** Lets in so many requests as can be answered soon and held in memory; the others are told to come again. */
export class Admission {
  readonly #limits: AdmissionLimits;
  #requests = 0;
  #bytes = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** A hook before the body is read. @throws StudioError BUSY, with Retry-After */
  readonly enter = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // A body of unknown length may be as long as the route allows.
    const announced = Number(request.headers["content-length"] ?? request.routeOptions.bodyLimit);
    const bytes = Math.min(announced, request.routeOptions.bodyLimit);
    if (this.#requests >= this.#limits.requests || this.#bytes + bytes > this.#limits.bytes) {
      throw new StudioError(503, "BUSY", `${this.#requests} requests wait to be computed: try again in a second`, 1);
    }
    this.#requests++;
    this.#bytes += bytes;
    reply.raw.once("close", () => {
      this.#requests--;
      this.#bytes -= bytes;
    });
  };
}
