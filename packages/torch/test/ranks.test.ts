// Several real processes on the loopback interface.
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { compilePackage, nextLine, start } from "./support/node.ts";

vi.setConfig({ testTimeout: 180_000 });

const folder = compilePackage();

/** Without a sign of life for so long a rank is gone; a busy machine may keep one waiting for a second. */
const deadAfter = 6;

interface Rank {
  readonly child: ChildProcess;
  /** All it wrote, once it has ended. */
  readonly ended: Promise<string>;
}

/** Processes that join and run `body` with `ranks` and `torch`; what is thrown is written. */
function startRanks(size: number, body: string, meeting: object, options: object = {}, count = size): Rank[] {
  return Array.from({ length: count }, (_, rank) => {
    const given = { rank, size, meeting, deadAfter, ...options };
    const child = start(
      folder,
      `import * as torch from "./index.js";
       torch.setThreads(1);
       try {
         const ranks = new torch.Ranks(${JSON.stringify(given)});
         const { rank } = ranks;
         ${body}
       } catch (error) {
         console.log(error.code + ": " + error.message);
       }
       process.exit(0);`,
    );
    let text = "";
    child.stdout?.on("data", (more) => {
      text += more;
    });
    child.stderr?.on("data", (more) => {
      text += more;
    });
    return { child, ended: new Promise((resolve) => child.on("close", () => resolve(text))) };
  });
}

const outputs = (ranks: readonly Rank[]) => Promise.all(ranks.map(({ ended }) => ended));
let meetings = 0;
const inFile = () => ({ file: join(folder, `meeting-${++meetings}`) });

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

// Mostly they wait, so they wait together.
test.concurrent("two ranks sum, broadcast and talk", async () => {
  const body = `
    const numbers = torch.tensor([rank + 1, 10]);
    const finish = ranks.sum(numbers);
    finish();
    const word = torch.tensor([rank === 1 ? 7 : 0]);
    ranks.broadcast(word, 1);
    const said = ranks.say(rank === 0 ? "ä" : "");
    ranks.barrier();
    const waited = ranks.secondsWaited;
    if (!(waited > 0 && waited < performance.now() / 1000)) console.log("waited for", waited);
    console.log([...numbers.toFloat32Array()].join(), word.item(), JSON.stringify(said));
    ranks.dispose();`;
  const expected = '3,20 7 ["ä",""]\n';
  expect(await outputs(startRanks(2, body, inFile()))).toEqual([expected, expected]);
  const meeting = { host: "127.0.0.1", port: await freePort() };
  expect(await outputs(startRanks(2, body, meeting))).toEqual([expected, expected]);
});

test.concurrent("gradients over three ranks are the weighted sums of each one's, in any layout", async () => {
  // The loss of a rank is f(rank + 1) for f(s) = s·|conv|² + s·sum of squares, so the sum is that of s = 1·0.2 + 2·0.3 + 3·0.5.
  const body = `
    const random = new torch.RandomGenerator(5);
    const make = (shape) => torch.randn(shape, random, "float64").requiresGrad_();
    // 2.4 MiB, laid out channels last; a scalar; 1.2 MiB: three buckets.
    const kernel = torch.randn([256, 128, 3, 3], random, "float64").contiguous("channels_last").requiresGrad_();
    const inputs = [make([3, 5]), kernel, make([]), make([400, 400])];
    const x = torch.randn([1, 128, 4, 4], random, "float64");
    const loss = (scale) => inputs.reduce((sum, input) => sum.add(input.square().sum()),
      torch.conv2d(x, kernel, null, 1).square().sum()).mul(scale);
    const mine = ranks.gradients(loss(rank + 1), inputs, [0.2, 0.3, 0.5][rank]);
    const all = torch.grad(loss(1 * 0.2 + 2 * 0.3 + 3 * 0.5), inputs);
    const errors = all.map((each, i) => each.sub(mine[i]).norm().item() / each.norm().item());
    console.log(errors.every((error) => error < 1e-14), torch.gradWhereUsed(loss(1), inputs).length);
    const unused = make([2]);
    ranks.gradients(loss(1), [unused], 1);`;
  // Double precision rounds by 1.1e-16 in each of a handful of operations.
  const expected = "true 4\nTORCH: the loss does not depend on some input\n";
  expect(await outputs(startRanks(3, body, inFile()))).toEqual([expected, expected, expected]);
});

const together = `
  torch.scope(() => ranks.sum(torch.zeros([4]))());
  console.log("ready");
  for (;;) torch.scope(() => ranks.sum(torch.zeros([4]))());`;

const gone = (rank: number) => new RegExp(`^ready\nRANKS: rank ${rank} \\(\\S+, process \\d+\\) no longer answers`);

test.concurrent.each(["SIGKILL", "SIGSTOP"] as const)(
  "of three ranks one gets %s: the others name it",
  async (signal) => {
    const ranks = startRanks(3, together, inFile());
    await Promise.all(ranks.map(({ child }) => nextLine(child)));
    const [first, second, third] = ranks as [Rank, Rank, Rank];
    second.child.kill(signal);
    expect(await first.ended).toMatch(gone(1));
    expect(await third.ended).toMatch(gone(1));
    second.child.kill("SIGKILL");
  },
);

test.concurrent.each(["SIGKILL", "SIGSTOP"] as const)(
  "rank 0, which holds the store, gets %s: the others name it",
  async (signal) => {
    const ranks = startRanks(2, together, { host: "127.0.0.1", port: await freePort() });
    await Promise.all(ranks.map(({ child }) => nextLine(child)));
    const [first, second] = ranks as [Rank, Rank];
    first.child.kill(signal);
    expect(await second.ended).toMatch(/^ready\nRANKS: rank 0 .*no longer answers/);
    first.child.kill("SIGKILL");
  },
);

test.concurrent("what a rank failed of is what the others stop with", async () => {
  const body = `
    if (rank === 1) { ranks.fail("the disk is full"); throw new Error("mine"); }
    ranks.barrier();`;
  const [first, second, third] = await outputs(startRanks(3, body, inFile()));
  expect([first, third]).toEqual(Array(2).fill("RANKS: rank 1: the disk is full\n"));
  expect(second).toBe("undefined: mine\n");
});

test.concurrent("ranks that do not come are named", async () => {
  const [alone] = await outputs(startRanks(3, "", inFile(), { patience: 1 }, 1));
  expect(alone).toBe("RANKS: ranks that did not come within 1 s: 1, 2\n");
});

test("a rank that lives but does not come to the sum is named, unless it said that it is busy", async () => {
  const late = (isBusy: boolean) => `
    torch.scope(() => ranks.sum(torch.zeros([4]))());
    if (rank === 1) {
      ranks.setBusy(${isBusy});
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${isBusy ? 8000 : 60_000});
    }
    torch.scope(() => ranks.sum(torch.zeros([4]))());
    console.log("summed");`;
  const [waiting, asleep] = startRanks(2, late(false), inFile(), { hungAfter: 2 }) as [Rank, Rank];
  const busy = outputs(startRanks(2, late(true), inFile(), { hungAfter: 2 }));
  expect(await waiting.ended).toMatch(/^RANKS: rank 1 \(\S+, process \d+\) hangs: .* for 2 s/);
  asleep.child.kill("SIGKILL");
  expect(await busy).toEqual(["summed\n", "summed\n"]);
});
