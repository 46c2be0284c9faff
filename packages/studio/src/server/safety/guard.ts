import type { FastifyInstance, FastifyRequest } from "fastify";
import { StudioError } from "../base/errors.ts";
import { safetyHeaders } from "./headers.ts";
import { hostName, isOurs } from "./hosts.ts";
import { bringsToken, cookieName, tokenParameter } from "./token.ts";

export interface GuardOptions {
  /** The address that the server listens on. */
  readonly host: string;
  /** What a request must bring; undefined on loopback. */
  readonly token: string | undefined;
}

/** Requests that change or compute something carry this header, which a page of another origin cannot send unasked. */
export const ownHeader = "X-Pioneer";

/** Refuses requests that do not come from our page or from somebody who means us, before their bodies are read. */
export function guard(app: FastifyInstance, { host, token }: GuardOptions): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(safetyHeaders);
    checkHost(request, host);
    checkOrigin(request);
    checkOwnHeader(request);
    if (token === undefined) return undefined;
    const brought = bringsToken(request, token);
    if (!brought) {
      throw new StudioError(401, "TOKEN", "this needs the token: open the link that pioneer studio printed");
    }
    if (brought !== "link" || request.method !== "GET") return undefined;
    // The token leaves the address, and with it the history and what is copied from there.
    const name = cookieName(request.socket.localPort ?? 0);
    reply.header("Set-Cookie", `${name}=${token}; HttpOnly; SameSite=Strict; Path=/`);
    return reply.redirect(withoutToken(request.url), 303);
  });
}

function checkHost({ headers }: FastifyRequest, host: string): void {
  const name = hostName(headers.host);
  if (name !== undefined && isOurs(name, host)) return;
  const got = headers.host === undefined ? "none" : JSON.stringify(headers.host.slice(0, 100));
  throw new StudioError(
    403,
    "HOST",
    `the Host header is ${got}, which is no name of this server: open the link it printed`,
  );
}

/** A browser says from which page a request comes, and whether that is ours. */
function checkOrigin({ headers, method, url }: FastifyRequest): void {
  const { origin } = headers;
  const fromElsewhere = origin !== undefined && origin.toLowerCase() !== `http://${headers.host?.toLowerCase()}`;
  // A link on another site may lead to our page, and to nothing else of ours.
  const site = headers["sec-fetch-site"];
  const isVisit = method === "GET" && headers["sec-fetch-mode"] === "navigate" && !url.startsWith("/api/");
  const otherSite = site !== undefined && site !== "same-origin" && site !== "none" && !isVisit;
  if (!fromElsewhere && !otherSite) return;
  const who = fromElsewhere ? JSON.stringify(origin?.slice(0, 100)) : "another site";
  throw new StudioError(403, "ORIGIN", `a request from ${who} is not answered: only this server's own page may ask`);
}

function checkOwnHeader({ headers, method }: FastifyRequest): void {
  if (method === "GET" || method === "HEAD" || headers[ownHeader.toLowerCase()] === "1") return;
  throw new StudioError(403, "HEADER", `a ${method} needs the header "${ownHeader}: 1"`);
}

function withoutToken(url: string): string {
  const { pathname, searchParams } = new URL(url, "http://server");
  searchParams.delete(tokenParameter);
  const query = searchParams.toString();
  // Two slashes at the beginning would be the name of another server.
  return pathname.replace(/^\/+/, "/") + (query && `?${query}`);
}
