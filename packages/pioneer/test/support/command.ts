// `pioneer` to its end, from the build (`npm run build`), for commands that take no time.
import { spawnSync } from "node:child_process";
import { expect } from "vitest";
import { bin } from "./cli.ts";

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line in a folder. */
export function commandIn(folder: string): {
  pioneer: (...args: string[]) => Ended;
  /** One line on stderr, nothing on stdout. */
  expectError: (args: string[], status: number, line: string) => void;
} {
  const pioneer = (...args: string[]): Ended => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, encoding: "utf8" });
    return { status, stdout, stderr };
  };
  const expectError = (args: string[], status: number, line: string) => {
    expect(pioneer(...args)).toEqual({ status, stdout: "", stderr: `pioneer: ${line}\n` });
  };
  return { pioneer, expectError };
}
