import { readFileSync } from "node:fs";

/** What Linux says of each core; "" elsewhere, and where it may not be read. */
export function cpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/** A field of the first core in the text of cpuinfo(); "" where it has none. */
export const cpuField = (text: string, name: string): string =>
  new RegExp(`^${name}\\s*: (.*)$`, "m").exec(text)?.[1] ?? "";
