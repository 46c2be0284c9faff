import { fileURLToPath } from "node:url";

/** A file or folder of the repository's fixtures, by its path in there. */
export const fixture = (path: string): string =>
  fileURLToPath(new URL(`../../../../fixtures/${path}`, import.meta.url));
