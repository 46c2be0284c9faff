import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, onTestFinished } from "vitest";

/** An empty folder that goes when the test is done, or with the tests of the file where it is made outside of any. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-test-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  if (expect.getState().currentTestName === undefined) afterAll(remove);
  else onTestFinished(remove);
  return folder;
}
