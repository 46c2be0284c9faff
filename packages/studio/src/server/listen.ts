import { createServer } from "node:net";
import type { FastifyInstance } from "fastify";

class PortError extends Error {
  readonly code = "PORT";
}

export interface Listening {
  readonly port: number;
  /** Why it is not the port that was asked for. */
  readonly note: string | undefined;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  /** The port was asked for by somebody: another one will not do. */
  readonly portAsked: boolean;
}

/** How many ports are tried after the one that is taken. */
const triedPorts = 20;

/**
 * Listens at a port, or at the next free one where nobody asked for this one.
 * @throws PortError in one line
 */
export async function listen(app: FastifyInstance, { host, port, portAsked }: Place): Promise<Listening> {
  for (let next = port; ; next++) {
    try {
      await app.listen({ host, port: next });
      return { port: portOf(app), note: next === port ? undefined : `port ${port} is in use, so it is ${next}` };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EADDRINUSE") throw refusal(error, host, next);
      if (portAsked) throw await taken(host, port);
      if (next >= port + triedPorts || next >= 65_535) {
        throw new PortError(`ports ${port} to ${next} are all in use: give --port a free one, or 0 for any`);
      }
    }
  }
}

async function taken(host: string, port: number): Promise<PortError> {
  for (let next = port + 1; next <= Math.min(port + triedPorts, 65_535); next++) {
    if (await isFree(host, next)) return new PortError(`port ${port} is in use: --port ${next} is free`);
  }
  return new PortError(`port ${port} is in use: give --port another one, or 0 for any that is free`);
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ host, port }, () => probe.close(() => resolve(true)));
  });
}

function refusal(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EACCES") return new PortError(`port ${port} may not be used (EACCES): give --port one above 1023`);
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return new PortError(`--host ${host} is no address of this machine (${code}): try 127.0.0.1, or 0.0.0.0 for all`);
  }
  return error;
}

/** The port of a server that listens. */
function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
