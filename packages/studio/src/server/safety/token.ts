// The secret in the link of a server that others can reach.
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";

/** The query parameter of the link. */
export const tokenParameter = "token";

export const newToken = (): string => randomBytes(24).toString("base64url");

/** A cookie of its own for each port: browsers do not tell the ports of a host apart. */
export const cookieName = (port: number): string => `pioneer-studio-${port}`;

/** Whether a request brings the token: in the link, in the cookie that the link left, or as `Authorization: Bearer`. */
export function bringsToken(request: FastifyRequest, token: string): "link" | "header" | undefined {
  const { [tokenParameter]: inLink } = Object(request.query) as Record<string, unknown>;
  if (typeof inLink === "string" && same(inLink, token)) return "link";
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (bearer !== undefined && same(bearer, token)) return "header";
  const cookies = (request.headers.cookie ?? "").split(/;\s*/);
  const prefix = `${cookieName(request.socket.localPort ?? 0)}=`;
  const cookie = cookies.find((text) => text.startsWith(prefix))?.slice(prefix.length);
  return cookie !== undefined && same(cookie, token) ? "header" : undefined;
}

/** Compares without telling by its time how much was right. */
function same(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
