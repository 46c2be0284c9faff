// Prints the closing line of a test run, "N passed, N failed[, N skipped]", from vitest's JSON report.
// usage: node scripts/count-tests.js REPORT EXIT_CODE
//
// A file that could not be loaded counts as one failed test. So does any other reason for which the run as a whole
// failed (lint, build, verify, no report at all): the line never says "0 failed" when EXIT_CODE is not 0.
import { existsSync, readFileSync } from "node:fs";

const [reportPath = "", exitCode = "1"] = process.argv.slice(2);

/** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number,
 *           testResults: { status: string, assertionResults: { status: string }[] }[] }} */
const report = existsSync(reportPath)
  ? JSON.parse(readFileSync(reportPath, "utf8"))
  : { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };

const brokenFiles = report.testResults.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
).length;
const skipped = report.numPendingTests + report.numTodoTests;
let failed = report.numFailedTests + brokenFiles;
if (exitCode !== "0" && failed === 0) failed = 1;

process.stdout.write(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
