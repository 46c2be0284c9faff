// `pioneer studio` as a process: how it begins, and how it ends.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { Events } from "../support/events.ts";
import { ask, copiedModel, fixture, pioneer, postJson } from "../support/studio.ts";

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill("SIGKILL");
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const start = (...args: string[]) => startProgram([...pioneer, "studio", ...args]);

function startProgram([file = "", ...args]: readonly string[]): {
  child: ChildProcess;
  address: Promise<string>;
  end: Promise<Ended>;
} {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let [stdout, stderr] = ["", ""];
  let found: (address: string) => void;
  const address = new Promise<string>((resolve) => {
    found = resolve;
  });
  child.stdout.on("data", (text) => {
    stdout += text;
    const [url] = /http:\/\/\S+/.exec(stdout) ?? [];
    if (url !== undefined && stdout.includes("\n")) found(new URL(url).origin);
  });
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const end = new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      running.delete(child);
      resolve({ code, stdout, stderr });
    });
  });
  return { child, address, end };
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends it with %i, while a page listens and something is computed", async (signal, code) => {
  const { child, address, end } = start(fixture("model-tiny"), "--port", "0", "--runs", "/nowhere");
  const url = await address;
  await Events.open(url);
  const sample = () => postJson(`${url}/api/models/model-tiny/sample`, { count: 64 }).catch(() => undefined);
  await sample();
  const computing = [sample(), sample(), sample()];
  child.kill(signal);
  const ended = await end;
  expect(ended).toEqual({ code, stdout: `${url}/ shows the studio; Ctrl-C ends it\n`, stderr: "" });
  await Promise.all(computing);
});

test("a port in use, an address of another machine and a missing model each end it with one line", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as { port: number };
  expect(await start("--port", String(port)).end).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(new RegExp(`^pioneer: port ${port} is in use: --port \\d+ is free\n$`)),
  });
  expect(await start("--host", "192.0.2.1", "--port", "0").end).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^pioneer: --host 192\.0\.2\.1 is no address of this machine \(EADDRNOTAVAIL\): .*\n$/,
    ),
  });
  expect(await start("no/such/model").end).toMatchObject({
    code: 2,
    stderr: "pioneer: no/such/model: no such model folder; check the path\n",
  });
});

test("where the disk takes no more, a taught direction is refused in one line, and all else goes on", async () => {
  const folder = copiedModel();
  const before = readdirSync(folder);
  // No file may have a byte: the nearest to a full disk that any user can make.
  const full = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", ...pioneer, "studio", folder];
  const { child, address, end } = startProgram([...full, "--port", "0", "--runs", "/nowhere", "--no-open"]);
  const url = `${await address}/api/models/model`;
  const vector = [1, ...Array<number>(15).fill(0)];
  const body = JSON.stringify({ directions: { dots: { vector, unit: 1, method: "mean", orthogonal: false } } });
  const headers = { "Content-Type": "application/json" };
  const answer = await ask(`${url}/directions`, { method: "PUT", headers, body });
  expect([answer.status, answer.json()]).toEqual([
    409,
    {
      error: {
        code: "DISK",
        message: expect.stringMatching(/^nothing was saved: .*larger than this file system or user limit allows.*$/),
      },
    },
  ]);
  expect(readdirSync(folder)).toEqual(before);
  expect(readFileSync(join(folder, "config.json"))).toEqual(readFileSync(fixture("model-tiny/config.json")));
  expect((await postJson(`${url}/sample`, {})).status).toBe(200);
  child.kill();
  await end;
});
