import { spawn } from "node:child_process";

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, cwd, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => {
      stdout += text;
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** The JSON object that a program prints as its last line. @throws Error with the end of what it said otherwise */
export async function runJson<T>(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<T> {
  const { code, stdout, stderr } = await run(program, args, env);
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${stderr.trim().split("\n").slice(-5).join("\n")}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as T;
}

/** What happens meanwhile, for the person who waits. */
export const progress = (text: string): void => console.error(`bench: ${text}`);
