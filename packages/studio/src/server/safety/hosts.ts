// Which names a request may call this server by. A page of somebody else that a browser was made to take for ours (DNS
// rebinding) asks under its own name.

import { isIP } from "node:net";
import { hostname } from "node:os";

/** The name in a Host header, without its port: "[::1]:80" is ::1; undefined where it is none. */
export function hostName(header: string | undefined): string | undefined {
  const [, ipv6, name] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(header?.toLowerCase() ?? "") ?? [];
  return ipv6 ?? name;
}

/** Whether a server at this address is reached from its own machine alone. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

/**
 * Whether a name may mean a server that listens on `host`. Any port may stand behind it, which `ssh -L` needs. On another
 * address than loopback, numbers are names too: only a name can be made to point elsewhere.
 */
export function isOurs(name: string, host: string): boolean {
  if (isLoopback(name)) return true;
  return !isLoopback(host) && (isIP(name) !== 0 || name === host.toLowerCase() || name === hostname().toLowerCase());
}
