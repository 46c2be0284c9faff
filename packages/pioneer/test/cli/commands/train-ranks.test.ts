// Several processes that train one run, as users start them; each test starts many.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { Rng } from "pioneer-runtime/internal";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import {
  bin,
  checkpoints,
  fingerprint,
  forRanks,
  isAlive,
  type Outcome,
  Pioneer,
  pioneer,
  ranksOf,
  resume,
  trainTiny,
} from "../../support/cli.ts";
import { discs, makePack } from "../../support/tiny.ts";

vi.setConfig({ testTimeout: process.env.PIONEER_SOAK ? 1_800_000 : 300_000, hookTimeout: 240_000 });

const folder = temporaryFolder();
/** The package under test. */
const program = dirname(dirname(bin));
let data: string;
let never: ReturnType<typeof fingerprint>;
const run = (name: string, ...more: string[]) => trainTiny(data, name, ...forRanks, ...more);
const two = (name: string, ...more: string[]) => run(name, "--nproc", "2", ...more);
const ended = { code: 0, stderr: "" };

// The run of two processes that nothing stops.
beforeAll(async () => {
  data = (await makePack(folder, 40, 16, discs)).path;
  expect(await pioneer(folder, two("never"))).toMatchObject(ended);
  never = fingerprint(join(folder, "never"));
});

/** Nobody tells us of the end of a grandchild. */
const gone = (pids: readonly number[]) =>
  vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 20_000, interval: 50 });

async function trainingIn(name: string, args = two(name)): Promise<{ session: Pioneer; ranks: number[] }> {
  const session = new Pioneer(folder, args);
  expect(await session.says(/^wrote .*checkpoint/, 2)).toBe(true);
  return { session, ranks: ranksOf(session) };
}

test("one writes and tells, and the log says how many there are", () => {
  const log = readFileSync(join(folder, "never", "log.txt"), "utf8");
  expect(log).toContain(", 1 threads in each of 2 processes\n");
  expect(log.match(/ finished at /g)).toHaveLength(1);
});

// The others go on while it is waited for the one that stands still.
test.concurrent("killed with -9 at random moments, in the writing of checkpoints too, and resumed: bit for bit as never killed", async () => {
  const kills = Number(process.env.PIONEER_KILLS ?? 3);
  const random = new Rng(21);
  const upTo = (end: number) => random.uint32() % end;
  let killed = 0;
  // Of a few checkpoints each: as many runs as it takes.
  for (let round = 1; killed < kills; round++) {
    const name = `killed-${round}`;
    const before = killed;
    for (let session = new Pioneer(folder, two(name)); ; session = new Pioneer(folder, resume(name))) {
      const alive = killed < kills && (await session.says(/^wrote .*checkpoint/, 1 + upTo(2)));
      if (!alive) {
        expect(await session.end).toMatchObject(ended);
        break;
      }
      const ranks = ranksOf(session);
      const rank = upTo(2);
      await new Promise((resolve) => setTimeout(resolve, upTo(100)));
      if (isAlive(ranks[rank] as number)) process.kill(ranks[rank] as number, "SIGKILL");
      const { code, stderr } = await session.end;
      await gone(ranks);
      if (code === 0) break; // it was done before
      expect(stderr).toMatch(
        new RegExp(`^pioneer: the training process of rank ${rank} was killed \\(SIGKILL.*--run ${name} --resume\`\n$`),
      );
      killed++;
    }
    expect(killed, `kills in run ${round}`).toBeGreaterThan(before);
    expect(fingerprint(join(folder, name))).toEqual(never);
  }
});

test.concurrent("SIGTERM to one rank, as a scheduler sends it: one checkpoint of all, and the run goes on as if nothing had been", async () => {
  const { session, ranks } = await trainingIn("terminated");
  process.kill(ranks[1] as number, "SIGTERM");
  const { code, stdout, stderr } = await session.end;
  expect({ code, stderr }).toEqual({ code: 143, stderr: "" });
  expect(stdout).toMatch(/^terminated at [\d.]+ kimg, checkpoint terminated\/checkpoint-[\d.]+$/m);
  await gone(ranks);
  expect(await pioneer(folder, resume("terminated"))).toMatchObject(ended);
  expect(fingerprint(join(folder, "terminated"))).toEqual(never);
});

test.concurrent("a rank that stands still is named within a minute, and the others end", async () => {
  const { session, ranks } = await trainingIn("still");
  process.kill(ranks[1] as number, "SIGSTOP");
  const { code, stderr } = await session.end;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^pioneer: rank 1 \(\S+, process \d+\) no longer answers: no sign of life for 20 s\. Nothing before .*--run still --resume`\n$/,
  );
  await gone(ranks);
});

test.concurrent("a run of two goes on with one process, and with three", async () => {
  expect(await pioneer(folder, two("with-1", "--total-kimg", "0.15"))).toMatchObject(ended);
  cpSync(join(folder, "with-1"), join(folder, "with-3"), { recursive: true });
  for (const count of [1, 3]) {
    const name = `with-${count}`;
    expect(await pioneer(folder, resume(name, "--nproc", String(count), "--total-kimg", "0.3"))).toMatchObject(ended);
    const { images, steps } = never.state as { images: number; steps: number };
    expect(fingerprint(join(folder, name)).state).toMatchObject({ images, steps });
  }
});

describe("started by others, with PyTorch's environment variables", () => {
  const freePort = () =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
    });

  /** @param programs by rank, where one is another than that of this build */
  async function together(args: readonly (readonly string[])[], programs: readonly string[] = []): Promise<Outcome[]> {
    const port = String(await freePort());
    return Promise.all(
      args.map((each, rank) => {
        const place = {
          RANK: String(rank),
          WORLD_SIZE: String(args.length),
          MASTER_ADDR: "127.0.0.1",
          MASTER_PORT: port,
        };
        const env = { ...place, LOCAL_RANK: String(rank), LOCAL_WORLD_SIZE: "2" };
        return new Pioneer(folder, each, env, [process.execPath, programs[rank] ?? bin]).end;
      }),
    );
  }

  test("two command lines do what --nproc 2 does, and the second is silent", async () => {
    const [first, second] = await together([run("started"), run("started")]);
    expect(first).toMatchObject(ended);
    expect(second).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect({ ...fingerprint(join(folder, "started")) }).toEqual(never);
  });

  test("another configuration or pack on a rank is refused by name before the first step, and leaves nothing", async () => {
    const options = await together([run("options"), [...run("options"), "--batch", "16"]]);
    const batch = "rank 1 cannot train with rank 0: --batch is 16 there, 8 on rank 0: give all the same";
    for (const { code, stderr } of options)
      expect({ code, stderr }).toEqual({ code: 2, stderr: `pioneer: ${batch}\n` });

    const other = (await makePack(folder, 41, 16, discs)).path;
    const packs = await together([run("packs"), run("packs").map((word) => (word === data ? other : word))]);
    for (const { stderr } of packs) {
      expect(stderr).toMatch(
        /^pioneer: rank 1 cannot train with rank 0: its pack is another, .*: copy one to all machines\n$/,
      );
    }
    expect(() => checkpoints(join(folder, "options"))).toThrow("ENOENT");
    expect(() => checkpoints(join(folder, "packs"))).toThrow("ENOENT");
  });

  test("another version on a rank is refused by name before the first step, and leaves nothing", async () => {
    const other = join(folder, "other", "packages", "pioneer");
    for (const name of ["bin", "dist"]) cpSync(join(program, name), join(other, name), { recursive: true });
    symlinkSync(join(program, "../../node_modules"), join(folder, "other", "node_modules"));
    const manifest = JSON.parse(readFileSync(join(program, "package.json"), "utf8")) as { version: string };
    writeFileSync(join(other, "package.json"), JSON.stringify({ ...manifest, version: "99.0.0" }));
    const line = `rank 1 cannot train with rank 0: Pioneer is 99.0.0 there, ${manifest.version} on rank 0: install one version`;
    for (const { code, stderr } of await together(
      [run("versions"), run("versions")],
      [bin, join(other, "bin", "pioneer.js")],
    ))
      expect({ code, stderr }).toEqual({ code: 2, stderr: `pioneer: ${line}\n` });
    expect(() => checkpoints(join(folder, "versions"))).toThrow("ENOENT");
  });

  const disk = join(folder, "disk");
  mkdirSync(disk);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]).status === 0;
  if (!mounted) console.log("skipped: a small disk needs the right to mount one");
  afterAll(() => mounted && spawnSync("umount", [disk]));

  test.skipIf(!mounted)(
    "a full disk of the rank that writes ends all before the first step, and they say so",
    async () => {
      const [first, second] = await together([run("disk/run"), run("disk/run")]);
      expect(first).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^pioneer: disk\/run[^\n]*the disk is full[^\n]*\n$/),
      });
      expect(second).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^pioneer: rank 0: disk\/run[^\n]*the disk is full[^\n]*\n$/),
      });
      expect(first?.stdout).not.toContain("img/s");
      expect(checkpoints(join(disk, "run"))).toEqual([]);
    },
  );

  test("an environment that says too little is refused", async () => {
    const { code, stderr } = await pioneer(folder, run("refused"), { WORLD_SIZE: "2" });
    expect({ code, lines: stderr.split("\n").length }).toEqual({ code: 2, lines: 2 });
    expect(stderr).toContain("WORLD_SIZE in the environment says that several processes train, but RANK is not set");
  });
});

test("a batch that is too small to share is refused", async () => {
  const { code, stderr } = await pioneer(folder, run("small", "--nproc", "3", "--batch", "2"));
  expect(code).toBe(2);
  expect(stderr).toBe(
    "pioneer: --batch is 2 at 4x4, which 3 processes cannot share: give at least 3, or start fewer\n",
  );
});
