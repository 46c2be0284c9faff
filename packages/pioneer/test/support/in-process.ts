// The command line in the process of the test, from the sources: for tests of what a command does, not of how its process
// starts and ends. It saves each call the start of Node, libtorch and sharp.
import { vi } from "vitest";
import { main } from "../../src/cli/main.ts";
import type { Outcome } from "./cli.ts";

/** What a command may listen to until its process ends. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs `pioneer` to its end, as `pioneer` of cli.ts does. Folder, environment and output are those of the process, so that calls
 * take turns.
 */
export function pioneer(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const outcome = last.then(() => runIn(cwd, args, env));
  last = outcome.catch(() => undefined);
  return outcome;
}

async function runIn(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const restore = [inFolder(cwd), withEnvironment(env), withoutFlags(), withoutListeners()];
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)];
  const before = process.exitCode;
  try {
    process.exitCode = undefined;
    await main([process.execPath, "pioneer", ...args]);
    return { code: Number(process.exitCode ?? 0), signal: null, stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    process.exitCode = before;
    for (const undo of [stdout.end, stderr.end, ...restore]) undo();
  }
}

function inFolder(cwd: string): () => void {
  const before = process.cwd();
  process.chdir(cwd);
  return () => process.chdir(before);
}

function withEnvironment(env: NodeJS.ProcessEnv): () => void {
  const before = { ...process.env };
  Object.assign(process.env, env);
  return () => {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  };
}

/** The processes that a command forks do not start with Vitest's flags. */
function withoutFlags(): () => void {
  const before = process.execArgv;
  process.execArgv = [];
  return () => {
    process.execArgv = before;
  };
}

/** Takes away in the end what a command began to listen to. */
function withoutListeners(): () => void {
  const all: [NodeJS.EventEmitter, string][] = [
    ...signals.map((signal): [NodeJS.EventEmitter, string] => [process, signal]),
    [process.stdout, "error"],
    [process.stderr, "error"],
  ];
  const listened = all.map(([emitter, event]) => ({ emitter, event, before: emitter.listeners(event) }));
  return () => {
    for (const { emitter, event, before } of listened) {
      for (const listener of emitter.listeners(event)) {
        if (!before.includes(listener)) emitter.off(event, listener as () => void);
      }
    }
  };
}

/** What is written to a stream meanwhile. */
function capture(stream: NodeJS.WriteStream): { text: () => string; end: () => void } {
  let text = "";
  const write = vi.spyOn(stream, "write").mockImplementation((chunk, ...rest) => {
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    const done = rest.find((each) => typeof each === "function");
    if (done) process.nextTick(done);
    return true;
  });
  return { text: () => text, end: () => write.mockRestore() };
}
