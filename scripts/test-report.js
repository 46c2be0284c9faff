// Tells from vitest's JSON reports how a test run ended.
// usage: node scripts/test-report.js EXIT_CODE REPORT [REPORT OF THE SECOND RUN]   a line for each test that failed, then
//                                                                                  "N passed, N failed[, N skipped]"
//        node scripts/test-report.js --failed REPORT                               files of which something failed
//
// Files that ran a second time count as they ended then; a test that passed only then is named too. A file that could not be
// loaded counts as one failed test. So does any other reason for which the run as a whole failed (lint, build, verify, no
// report at all): the last line never says "0 failed" when EXIT_CODE is not 0.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

/**
 * @typedef {{ status: string, fullName: string, failureMessages: string[] }} Test
 * @typedef {{ name: string, status: string, message: string, assertionResults: Test[] }} TestFile
 */

/** @param {string | undefined} path @returns {TestFile[]} */
const filesOf = (path) =>
  path !== undefined && existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).testResults : [];

/** @param {TestFile} file @returns {{ test: string, error: string }[]} */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === "failed");
  const whole = { fullName: "the whole file", failureMessages: [message] };
  return (failed.length === 0 && status === "failed" ? [whole] : failed).map(({ fullName, failureMessages }) => ({
    test: `${shown(name)}: ${fullName}`,
    error: failureMessages[0]?.split("\n", 1)[0] ?? "",
  }));
}

/** @param {string} name */
const shown = (name) => relative(process.cwd(), name);

const [what = "1", ...reports] = process.argv.slice(2);
const [first = [], second = []] = reports.map(filesOf);

if (what === "--failed") {
  for (const file of first) if (failuresOf(file).length > 0) console.log(shown(file.name));
} else {
  const all = [...new Map([...first, ...second].map((file) => [file.name, file])).values()];
  const failures = all.flatMap(failuresOf);
  const mended = first.flatMap(failuresOf).filter(({ test }) => !failures.some((each) => each.test === test));
  for (const { test, error } of mended) console.log(`passed only the second time: ${test}: ${error}`);
  for (const { test, error } of failures) console.log(`failed: ${test}: ${error}`);
  /** @param {(test: Test) => boolean} counts */
  const count = (counts) => all.flatMap(({ assertionResults }) => assertionResults.filter(counts)).length;
  const passed = count(({ status }) => status === "passed");
  const skipped = count(({ status }) => status !== "passed" && status !== "failed");
  const least = what === "0" ? 0 : 1;
  console.log(
    `${passed} passed, ${Math.max(failures.length, least)} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
  );
}
