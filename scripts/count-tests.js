// Prints the closing line of a test run, "N passed, N failed[, N skipped]", from vitest's JSON reports.
// usage: node scripts/count-tests.js EXIT_CODE REPORT [REPORT OF THE SECOND RUN]
//
// Files that ran a second time count as they ended then. A file that could not be loaded counts as one failed test. So does
// any other reason for which the run as a whole failed (lint, build, verify, no report at all): the line never says
// "0 failed" when EXIT_CODE is not 0.
import { existsSync, readFileSync } from "node:fs";

const [exitCode = "1", ...paths] = process.argv.slice(2);

/** @typedef {{ name: string, status: string, assertionResults: { status: string }[] }} TestFile */

/** @type {Map<string, TestFile>} */
const files = new Map();
for (const path of paths.filter((each) => existsSync(each))) {
  /** @type {{ testResults: TestFile[] }} */
  const { testResults } = JSON.parse(readFileSync(path, "utf8"));
  for (const file of testResults) files.set(file.name, file);
}

let [passed, failed, skipped] = [0, 0, 0];
for (const { status, assertionResults } of files.values()) {
  const count = (/** @type {string} */ which) => assertionResults.filter((test) => test.status === which).length;
  const failures = count("failed");
  passed += count("passed");
  failed += failures === 0 && status === "failed" ? 1 : failures;
  skipped += assertionResults.length - failures - count("passed");
}
if (exitCode !== "0" && failed === 0) failed = 1;

process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
