import { homedir } from "node:os";
import { join } from "node:path";

/** `$XDG_CACHE_HOME/pioneer`, or `~/.cache/pioneer` where that is not set. */
export function defaultCacheDir(): string {
  const base = process.env.XDG_CACHE_HOME;
  return join(base === undefined || base === "" ? join(homedir(), ".cache") : base, "pioneer");
}
