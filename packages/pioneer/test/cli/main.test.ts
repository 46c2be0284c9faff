import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { buildProgram } from "../../src/cli/main.ts";
import { bin } from "../support/cli.ts";
import { commandIn } from "../support/command.ts";
import { pioneer as inProcess } from "../support/in-process.ts";

const folder = temporaryFolder();
const { pioneer, expectError } = commandIn(folder);

test.runIf(existsSync("/proc/self/task"))("images are decoded on as many threads as there are cores", () => {
  const threads = (cores: number) => {
    // The machine as the program sees it, and its threads when it ends.
    const preload = join(folder, `cores-${cores}.cjs`);
    writeFileSync(
      preload,
      `require("node:os").availableParallelism = () => ${cores};
       process.on("exit", () => console.error(require("node:fs").readdirSync("/proc/self/task").length));`,
    );
    const photo = join(folder, "photo.png");
    writeFileSync(photo, Buffer.from("not a photo"));
    const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
    const args = ["--require", preload, bin, "dataset", "info", photo];
    const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", env });
    return Number(/^\d+$/m.exec(stderr)?.[0]);
  };
  expect(threads(20) - threads(4)).toBe(16);
});

describe("help", () => {
  /** "train", "dataset", "dataset prepare" and so on. */
  const namesOf = (command: Command): string[] =>
    command.commands.flatMap((child) => [child.name(), ...namesOf(child).map((name) => `${child.name()} ${name}`)]);
  const commands = namesOf(buildProgram());

  test("pioneer --help names every command", () => {
    const { status, stdout, stderr } = pioneer("--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ +${command.split(" ")[0]}\\b`, "m"));
  });

  test.each(commands)("pioneer %s --help has an example", async (command) => {
    const { code, stdout, stderr } = await inProcess(folder, [...command.split(" "), "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`Examples?:\n  \\$ pioneer ${command}`));
  });

  test("no command is a wrong command line: help on stderr, exit 2", () => {
    const { status, stdout, stderr } = pioneer();
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: pioneer /);
  });

  test("the version is the package's", () => {
    expect(pioneer("--version")).toEqual({ status: 0, stdout: "0.1.0\n", stderr: "" });
  });

  test("loads neither libtorch nor sharp", () => {
    const trace = join(folder, "trace.mjs");
    writeFileSync(
      trace,
      `process.on("exit", () => console.error(process.report.getReport().sharedObjects.join("\\n")));`,
    );
    const { stderr } = spawnSync(process.execPath, ["--import", trace, bin, "--help"], { encoding: "utf8" });
    expect(stderr).toMatch(/libc/);
    expect(stderr).not.toMatch(/torch|sharp|vips/);
  });
});

describe("wrong options end with 2 and one line", () => {
  test("an unknown option, with the one that was meant", () => {
    expectError(
      ["train", "--kimg-per-phas", "3"],
      2,
      "unknown option '--kimg-per-phas' (Did you mean --kimg-per-phase?); see pioneer train --help",
    );
    expectError(
      ["dataset", "prepare", "a", "b", "--limt", "3"],
      2,
      "unknown option '--limt' (Did you mean --limit?); see pioneer dataset prepare --help",
    );
  });

  test("an unknown command, a missing argument, a missing value", () => {
    writeFileSync(join(folder, "-me.jpg"), "");
    expectError(
      ["reconstruct", "--model", "m", "--out", "o", "-me.jpg"],
      2,
      "unknown option '-me.jpg'; if the file is meant, write ./-me.jpg",
    );
    expectError(["trian"], 2, "unknown command 'trian' (Did you mean train?); see pioneer --help");
    expectError(
      ["dataset", "prepare", "photos"],
      2,
      "missing required argument 'out'; see pioneer dataset prepare --help",
    );
    expectError(["train", "--lr"], 2, "option '--lr <X>' argument missing; see pioneer train --help");
  });

  test("values out of range", () => {
    expectError(["train", "--data", "x", "--batch", "1"], 2, batchError("1"));
    expectError(
      ["train", "--data", "x", "--resolution", "48"],
      2,
      "--resolution: expected a power of two from 4 to 1024, got 48",
    );
    expectError(["train", "--data", "x", "--lr", "abc"], 2, '--lr: expected a number above 0, at most 1, got "abc"');
    expectError(["train"], 2, "--data is missing: give a pack, an image folder, an archive, or procedural:faces");
    expectError(
      ["sample", "--model", "m", "--out", "o", "--count", "0"],
      2,
      "--count: expected a whole number from 1 to 1000000, got 0",
    );
    expectError(
      ["interpolate", "--model", "m", "--out", "o", "a.png"],
      2,
      "interpolate: give 2 photos for a strip, 4 for a square, 6 for a hexagon or any other number for a path, got 1",
    );
  });

  test("a folder named like a number is a folder", () => {
    expectError(["info", "2024"], 1, "2024: no such file or folder; check the path");
    expectError(["train", "--resume", "--run", "2024"], 1, "2024 is not there: check the path");
  });

  test("with --json the error is also an object on stdout; with --debug its stack on stderr", () => {
    const { status, stdout, stderr } = pioneer("sample", "--json", "--debug", "--model", "m");
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: "CONFIG", message: "--out is missing: give a folder for the pictures" },
    });
    expect(stderr).toMatch(/^pioneer: --out is missing.*\n.*ConfigError: /);
    expect(stderr).toMatch(/^ +at /m);
  });
});

describe("a configuration file", () => {
  const config = join(folder, "config-test.json");

  test("gives options, and flags win over it", () => {
    writeFileSync(config, JSON.stringify({ data: "x", lr: 7 }));
    expectError(["train", "--config", config], 2, "--lr: expected a number above 0, at most 1, got 7");
    expectError(["train", "--config", config, "--lr", "8"], 2, "--lr: expected a number above 0, at most 1, got 8");
  });

  test("that is missing or not JSON is named", () => {
    expectError(["train", "--config", "none.json"], 1, "none.json: no such file or folder; check the path");
    writeFileSync(config, "lr: 7");
    expect(pioneer("train", "--config", config).stderr).toMatch(
      /^pioneer: [^\n]*config-test\.json: not JSON [^\n]*\n$/,
    );
  });
});

test("a run keeps its options: another latent size is refused with both values", () => {
  const run = join(folder, "run");
  mkdirSync(run);
  writeFileSync(
    join(run, "config.json"),
    JSON.stringify({ format: 1, data: "x", latent: 64, channels: 32, resolution: 16 }),
  );
  expectError(
    ["train", "--resume", "--run", run, "--latent", "128"],
    2,
    "--latent is 128, but the run was started with 64: leave --latent out to go on, or start a new run with another --run",
  );
});

function batchError(value: string): string {
  return `--batch: expected auto, a whole number from 2, or a list by resolution such as "32:64,64:32" with every batch from 2, got "${value}"`;
}
