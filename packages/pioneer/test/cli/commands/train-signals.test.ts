import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { bin, checkpoints, isAlive, Pioneer, tiny, workerOf } from "../../support/cli.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts several processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000 });

const folder = temporaryFolder();
let data: string;
// More than a test waits for.
const start = (run: string) => `train --data ${data} --run ${run} --resolution 8 --total-kimg 100000`.split(" ");
const log = (run: string) => readFileSync(join(folder, run, "log.txt"), "utf8");

beforeAll(async () => {
  data = (await makePack(folder, 40, 16, discs)).path;
});

async function trainingIn(run: string, env: NodeJS.ProcessEnv = {}, command?: string[]): Promise<Pioneer> {
  const session = new Pioneer(folder, [...start(run), ...tiny], env, command);
  expect(await session.says(/^wrote .*checkpoint/, 2)).toBe(true);
  return session;
}

describe("what batch systems send ends in a checkpoint", () => {
  test.each(["SIGTERM", "SIGUSR1", "SIGUSR2"] as const)("%s", async (signal) => {
    const session = await trainingIn(signal);
    session.child.kill(signal);
    const { code, stdout, stderr } = await session.end;
    // On stderr Node would say that its debugger listens.
    expect({ code, stderr }).toEqual({ code: 143, stderr: "" });
    const checkpoint = checkpoints(join(folder, signal)).at(-1);
    expect(stdout).toMatch(new RegExp(`^terminated at [\\d.]+ kimg, checkpoint ${signal}/${checkpoint}$`, "m"));
  });

  test.each(["SIGTERM", "SIGUSR1", "SIGUSR2"] as const)("%s to the training process", async (signal) => {
    const run = `worker-${signal}`;
    const session = await trainingIn(run);
    process.kill(workerOf(join(folder, run)), signal);
    expect(await session.end).toMatchObject({ code: 143, stderr: "" });
    expect(log(run)).toMatch(/ terminated at /);
  });
});

describe("through npx", () => {
  beforeAll(() => {
    mkdirSync(join(folder, "node_modules", ".bin"), { recursive: true });
    symlinkSync(bin, join(folder, "node_modules", ".bin", "pioneer"));
    writeFileSync(join(folder, "package.json"), '{ "name": "mine", "private": true }\n');
  });
  const env = { npm_config_update_notifier: "false" };
  const npx = ["npx", "pioneer"];

  test("SIGTERM to npx ends training with a checkpoint, though npx does not pass it on", async () => {
    const session = await trainingIn("npx", env, npx);
    const worker = workerOf(join(folder, "npx"));
    session.child.kill("SIGTERM");
    await session.end; // npx is gone at once; its output ends with ours
    expect(log("npx")).toMatch(/ terminated at [\d.]+ kimg, checkpoint npx\/checkpoint-[\d.]+\n/);
    expect(isAlive(worker)).toBe(false);
  });

  test("what a hangup ends goes on where there is no terminal, as under nohup", async () => {
    const session = await trainingIn("hangup", env, ["setsid", ...npx]);
    // As the kernel and the shell do it: to npx, its shell and us.
    process.kill(-(session.child.pid as number), "SIGHUP");
    const hungUp = Date.now();
    // Two looks at who is there take a second.
    const lastLine = () => Date.parse(/^\S+/.exec(log("hangup").trimEnd().split("\n").at(-1) ?? "")?.[0] ?? "");
    await expect.poll(() => lastLine() - hungUp, { timeout: 60_000 }).toBeGreaterThan(3000);
    const worker = workerOf(join(folder, "hangup"));
    expect(isAlive(worker)).toBe(true);
    process.kill(worker, "SIGTERM");
    await session.end;
    expect(log("hangup")).toMatch(/ terminated at /);
  });
});
