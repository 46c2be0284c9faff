// Prints which tests failed, from vitest's JSON reports.
// usage: node scripts/failed-tests.js [--files] REPORT [REPORT OF THE SECOND RUN]
//
// A line for each test: its file, its name, the first line of its error, and whether it passed the second time.
// --files: only the files, a line for each.
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const args = process.argv.slice(2);
const onlyFiles = args[0] === "--files";
const [first, second] = args.slice(onlyFiles ? 1 : 0);

/** @typedef {{ file: string, test: string, error: string }} Failure */

/** @param {string | undefined} path @returns {Failure[]} */
function failuresOf(path) {
  if (path === undefined || !existsSync(path)) return [];
  /** @type {{ testResults: { name: string, status: string, message: string,
   *             assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }[] }} */
  const report = JSON.parse(readFileSync(path, "utf8"));
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    const failed = assertionResults.filter((each) => each.status === "failed");
    if (failed.length === 0) return status === "failed" ? [{ file, test: "the whole file", error: message }] : [];
    return failed.map(({ fullName, failureMessages: [error = ""] }) => ({ file, test: fullName, error }));
  });
}

const failures = failuresOf(first);
if (onlyFiles) {
  for (const file of new Set(failures.map((each) => each.file))) console.log(file);
} else {
  const ranAgain = second !== undefined && existsSync(second);
  const again = failuresOf(second);
  for (const { file, test, error } of failures) {
    const passed = ranAgain && !again.some((each) => each.file === file && each.test === test);
    console.log(`${passed ? "passed only the second time" : "failed"}: ${file}: ${test}: ${error.split("\n", 1)[0]}`);
  }
}
