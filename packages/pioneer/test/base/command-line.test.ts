import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { commandLine, resumeCommand } from "../../src/base/command-line.ts";
import { bin } from "../support/cli.ts";

const folder = temporaryFolder();
const link = (...path: string[]): string => {
  const place = join(folder, ...path);
  mkdirSync(place, { recursive: true });
  symlinkSync(bin, join(place, "pioneer"));
  return place;
};
const ofNode = `node ${bin}`;

test("a command is named so that it can be pasted where the user stands", () => {
  const onPath = link("bin");
  const project = join(folder, "project");
  const ofNpm = link("project", "node_modules", ".bin");
  const inside = join(project, "a", "b");
  mkdirSync(inside, { recursive: true });
  const at = (cwd: string, PATH: string, more = {}) => commandLine("info", { cwd, env: { PATH, ...more } });
  expect(at(folder, `/usr/bin:${onPath}`)).toBe("pioneer info");
  expect(at(inside, "/usr/bin:/bin")).toBe("npx pioneer info");
  expect(at(folder, "/usr/bin:/bin")).toBe(`${ofNode} info`);
  // npx puts a folder on the PATH that the user's shell does not have.
  expect(at(project, `${ofNpm}:/bin`, { npm_command: "exec" })).toBe("npx pioneer info");
  expect(at(folder, `${ofNpm}:/bin`)).toBe("pioneer info");
});

test("another program of that name is not called", () => {
  const other = join(folder, "other");
  const theirs = join(folder, "theirs", "node_modules", ".bin");
  for (const place of [other, theirs]) {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "pioneer"), "#!/bin/sh\n", { mode: 0o755 });
  }
  expect(commandLine("info", { cwd: folder, env: { PATH: other } })).toBe(`${ofNode} info`);
  const cwd = join(folder, "theirs");
  expect(commandLine("info", { cwd, env: { PATH: "" } })).toBe(`${ofNode} info`);
});

test("a run's folder comes out of a shell as it is", () => {
  expect(resumeCommand("runs/it's")).toBe("pioneer train --run 'runs/it'\\''s' --resume");
});

test("Node and the file are a command too", () => {
  const line = commandLine("--version", { cwd: folder, env: { PATH: "" } });
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+\n$/);
});
