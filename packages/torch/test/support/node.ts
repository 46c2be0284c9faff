import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "./folder.ts";

export const packageFolder = fileURLToPath(new URL("../..", import.meta.url));
export const addonFolder = process.env.PIONEER_TORCH_BUILD ?? join(packageFolder, "build");

/** Compiles the sources as they are now, because Node 20 runs no TypeScript. @returns a folder with index.js */
export function compilePackage(): string {
  const folder = temporaryFolder();
  const compiler = fileURLToPath(import.meta.resolve("typescript/package.json")).replace("package.json", "bin/tsc");
  const options = ["--composite", "--incremental", "--declaration", "--declarationMap", "--sourceMap"];
  const off = options.flatMap((option) => [option, "false"]);
  execFileSync(process.execPath, [compiler, "-p", packageFolder, "--outDir", folder, ...off]);
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  return folder;
}

export interface Outcome {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Starts a Node process on `script`, an ES module that imports "./index.js". */
export function start(folder: string, script: string, flags: string[] = [], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const file = join(folder, `script-${++scripts}.js`);
  writeFileSync(file, script);
  return spawn(process.execPath, [...flags, file], {
    env: { ...process.env, PIONEER_TORCH_BUILD: addonFolder, ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}
let scripts = 0;

/** Runs a Node process to its end. */
export function run(...started: Parameters<typeof start>): Promise<Outcome> {
  const child = start(...started);
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (text) => {
    stdout += text;
  });
  child.stderr?.on("data", (text) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** The next line a process writes. */
export function nextLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer) => {
      text += chunk;
      if (text.includes("\n")) {
        child.stdout?.off("data", onData);
        resolve(text.slice(0, text.indexOf("\n")));
      }
    };
    child.stdout?.on("data", onData);
    child.once("close", () => reject(new Error(`the process ended after writing ${JSON.stringify(text)}`)));
  });
}
