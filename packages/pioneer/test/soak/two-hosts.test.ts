// Two hosts in network namespaces train together over a thin wire: 10 Mbit/s (tbf), 20 ms each way, and what happens to wires.
// Each host has a relay beside it that has the other's address (../support/relay.js); nothing else leads from one to the other.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { nextLine } from "../../../torch/test/support/node.ts";
import { bin, fingerprint, forRanks, Pioneer, pioneer, resume, trainTiny } from "../support/cli.ts";
import { discs, makePack } from "../support/tiny.ts";

vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
const relayFile = fileURLToPath(new URL("../support/relay.js", import.meta.url));
/** Of a host; few enough that a relay can listen on all. */
const ports = [30_000, 30_063] as const;
const masterPort = ports[1] + 1;
const delayMs = 20;

const sides = ["a", "b"] as const;
type Side = (typeof sides)[number];
const prefix = `pioneer${process.pid}`;
const address: Record<Side, string> = { a: "10.77.0.1", b: "10.77.0.2" };
const otherOf = (side: Side): Side => (side === "a" ? "b" : "a");
const host = (side: Side) => `${prefix}${side}`;
/** The namespace of the relay beside a host. */
const beside = (side: Side) => `${prefix}r${side}`;

/** @throws Error with what the command said */
function run(...command: readonly string[]): void {
  const [file = "", ...args] = command;
  const { status, stderr, error } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${error?.message ?? stderr.trim()}`);
}
const inside = (namespace: string, ...command: readonly string[]) => ["ip", "netns", "exec", namespace, ...command];

const relays: Partial<Record<Side, ChildProcess>> = {};

/** A host, its relay, and the shaped link between them. */
function plug(side: Side): void {
  const [here, there] = [host(side), beside(side)];
  for (const name of [here, there]) run("ip", "netns", "add", name);
  run("ip", "link", "add", "wire", "netns", here, "type", "veth", "peer", "name", "wire", "netns", there);
  for (const [name, own] of [
    [here, side],
    [there, otherOf(side)],
  ] as const) {
    run("ip", "-n", name, "address", "add", `${address[own]}/24`, "dev", "wire");
    for (const device of ["lo", "wire"]) run("ip", "-n", name, "link", "set", device, "up");
    run(..."tc -n".split(" "), name, ..."qdisc add dev wire root tbf rate 10mbit burst 32kb latency 400ms".split(" "));
  }
  run(...inside(here, "sysctl", "-q", "-w", `net.ipv4.ip_local_port_range=${ports.join(" ")}`));
}

async function relay(side: Side): Promise<void> {
  const socket = (which: Side) => join(folder, `relay-${which}`);
  const other = otherOf(side);
  const given = {
    listen: address[other],
    ports: [ports[0], masterPort],
    toHost: address[side],
    own: socket(side),
    other: socket(other),
    delayMs: delayMs / 2, // each way passes both relays
  };
  const [file = "", ...args] = inside(beside(side), process.execPath, relayFile, JSON.stringify(given));
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  relays[side] = child;
  expect(await nextLine(child)).toBe("ready");
}

const wire = (what: "stall" | "flow") => {
  for (const side of sides) relays[side]?.stdin?.write(`${what}\n`);
};
const link = (what: "up" | "down") => run("ip", "-n", beside("b"), "link", "set", "wire", what);
const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, 1000 * count));

const refusal = (() => {
  try {
    for (const side of sides) plug(side);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
})();
if (refusal) console.log(`skipped: hosts cannot be simulated here (${refusal})`);

afterAll(() => {
  for (const child of Object.values(relays)) child.kill();
  for (const side of sides) for (const name of [host(side), beside(side)]) spawnSync("ip", ["netns", "delete", name]);
});

describe.skipIf(refusal !== undefined)("two hosts", () => {
  let data: string;
  let never: ReturnType<typeof fingerprint>;
  const train = (name: string, ...more: string[]) => trainTiny(data, name, ...forRanks, ...more);

  beforeAll(async () => {
    data = (await makePack(folder, 40, 16, discs)).path;
    expect(await pioneer(folder, train("never", "--nproc", "2"))).toMatchObject({ code: 0, stderr: "" });
    never = fingerprint(join(folder, "never"));
    await Promise.all(sides.map(relay));
  });

  /** Rank 0 on host a, rank 1 on host b. */
  const start = (args: readonly string[]) =>
    sides.map((side, rank) => {
      const env = {
        RANK: String(rank),
        WORLD_SIZE: "2",
        MASTER_ADDR: address.a,
        MASTER_PORT: String(masterPort),
        LOCAL_WORLD_SIZE: "1",
      };
      return new Pioneer(folder, args, env, inside(host(side), process.execPath, bin));
    }) as [Pioneer, Pioneer];

  /** Training goes on, and something happens to the wire meanwhile. */
  async function through(name: string, happens: () => Promise<void>): Promise<void> {
    const [first, second] = start(train(name));
    expect(await first.says(/^wrote .*checkpoint/, 2)).toBe(true);
    await happens();
    const [lead, other] = await Promise.all([first.end, second.end]);
    expect({ lead: lead.stderr, other: other.stderr }).toEqual({ lead: "", other: "" });
    expect([lead.code, other.code]).toEqual([0, 0]);
    expect(fingerprint(join(folder, name))).toEqual(never);
  }

  test("over a thin wire they compute what two processes of one host do, bit for bit", async () => {
    await through("thin", async () => undefined);
  });

  test("bytes that stand still for 5 seconds, twice, change nothing", async () => {
    await through("stalls", async () => {
      for (let times = 0; times < 2; times++) {
        wire("stall");
        await seconds(5);
        wire("flow");
        await seconds(1);
      }
    });
  });

  test("a link that is down for 10 seconds changes nothing", async () => {
    await through("outage", async () => {
      link("down");
      await seconds(10);
      link("up");
    });
  });

  test("a link that stays down ends both within a minute, each naming the other, and the run goes on later", async () => {
    const both = start(train("cut"));
    expect(await both[0].says(/^wrote .*checkpoint/, 2)).toBe(true);
    link("down");
    const cut = performance.now();
    const ended = await Promise.all(both.map(({ end }) => end));
    expect((performance.now() - cut) / 1000).toBeLessThan(60);
    for (const [rank, { code, stderr }] of ended.entries()) {
      expect(code).toBe(1);
      expect(stderr).toMatch(new RegExp(`^pioneer: rank ${1 - rank} .*--run cut --resume\`\n$`));
    }
    link("up");
    const again = await Promise.all(start(resume("cut")).map(({ end }) => end));
    expect(again.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(2).fill({ code: 0, stderr: "" }));
    expect(fingerprint(join(folder, "cut"))).toEqual(never);
  });
});
