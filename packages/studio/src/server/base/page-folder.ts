import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What `vite build` made of src/page. */
export const pageFolder = fileURLToPath(new URL("../../../dist/page", import.meta.url));

/** @throws Error in one line if it was not built */
export function checkPage(): void {
  if (existsSync(pageFolder)) return;
  throw Object.assign(new Error("the page of pioneer studio is not built yet; run: make build"), { code: "PAGE" });
}
