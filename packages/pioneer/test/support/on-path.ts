// Vitest's global setup: our `pioneer` is on the PATH, as after `make install`, so that messages name it so.
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export default function putOnPath(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-path-"));
  symlinkSync(fileURLToPath(new URL("../../bin/pioneer.js", import.meta.url)), join(folder, "pioneer"));
  process.env.PATH = [folder, process.env.PATH].join(delimiter);
  return () => rmSync(folder, { recursive: true });
}
