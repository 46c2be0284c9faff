// What only whole processes can show: exit codes, workers, memory, locks.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lockFile } from "../src/index.ts";
import { temporaryFolder } from "./support/folder.ts";
import { compilePackage, nextLine, type Outcome, run, start } from "./support/node.ts";

const folder = compilePackage();
const clean = (stdout: string): Outcome => ({ code: 0, signal: null, stdout, stderr: "" });

const step = `
import * as torch from "./index.js";
/** A convolution and its backward pass. */
export function step(seed = 1) {
  const generator = new torch.RandomGenerator(seed);
  const weight = torch.randn([4, 3, 3, 3], generator).requiresGrad_();
  const loss = torch.conv2d(torch.randn([2, 3, 8, 8], generator), weight, null, 1).square().mean();
  return torch.grad(loss, [weight])[0].norm().item();
}
`;

test("a process that leaves tensors, graphs and generators alive exits with 0 and says nothing", async () => {
  const script = `${step}
    globalThis.alive = [torch.tensor([1, 2]), new torch.RandomGenerator(1), torch.tensor([1]).requiresGrad_().mul(2)];
    globalThis.lent = torch.tensor(new Float32Array(8), [8], { share: true });
    globalThis.view = torch.zeros([4]).view();
    if (!(step() > 0)) process.exit(9);
    console.log("done");`;
  expect(await run(folder, script)).toEqual(clean("done\n"));
});

const workers = (inMain: string) => `
import { isMainThread, parentPort, Worker } from "node:worker_threads";
${inMain}
if (isMainThread) {
  const answers = [];
  await Promise.all([1, 2, 3, 4, 5].map(() => new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url));
    worker.on("message", (answer) => answers.push(answer));
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error("exit " + code))));
  })));
  console.log(answers.length, new Set(answers).size, answers[0] > 0);
  if (globalThis.useTorch) console.log(globalThis.useTorch() === answers[0]);
} else {
  const torch = await import("./index.js");
  ${step.replaceAll(/import .*|export /g, "")}
  globalThis.alive = torch.tensor([1]);
  let answer;
  for (let i = 0; i < 20; i++) answer = torch.scope(() => step());
  parentPort.postMessage(answer);
}`;

test("five workers compute the same, the main thread not using libtorch", async () => {
  expect(await run(folder, workers(""))).toEqual(clean("5 1 true\n"));
});

test("five workers compute the same, the main thread too", async () => {
  const inMain = `${step}globalThis.useTorch = step; step();`;
  expect(await run(folder, workers(inMain))).toEqual(clean("5 1 true\ntrue\n"));
});

test("workers terminated in the middle of their work take nothing down", async () => {
  const script = `
    import { isMainThread, parentPort, Worker } from "node:worker_threads";
    ${step}
    if (isMainThread) {
      for (let i = 0; i < 5; i++) {
        const worker = new Worker(new URL(import.meta.url));
        await new Promise((resolve) => worker.once("message", resolve));
        await worker.terminate();
      }
      console.log(step() > 0);
    } else {
      const kept = [torch.tensor(new Float32Array(1000), [1000], { share: true }), torch.zeros([8]).view()];
      for (let i = 0; ; i++) {
        step();
        if (i === 3) parentPort.postMessage(kept.length);
      }
    }`;
  expect(await run(folder, script)).toEqual(clean("true\n"));
});

test("a tensor posted to another worker is no tensor there", async () => {
  const script = `
    import { isMainThread, parentPort, Worker } from "node:worker_threads";
    import * as torch from "./index.js";
    if (isMainThread) {
      const worker = new Worker(new URL(import.meta.url));
      worker.on("message", (text) => console.log(text));
      worker.postMessage(torch.tensor([1, 2]));
    } else {
      parentPort.once("message", (foreign) => {
        try {
          torch.tensor([1]).matmul(foreign);
        } catch (error) {
          parentPort.postMessage(error.name + " " + error.message);
        }
      });
    }`;
  expect(await run(folder, script)).toEqual(clean("TorchError aten::matmul: argument must be a Tensor, got object\n"));
});

test("memory is flat over 10,000 scoped operator calls", async () => {
  const script = `${step}
    torch.setThreads(1); // On a busy machine threads would wait for each other 20,000 times.
    const x = torch.zeros([256, 256]);
    const round = () => torch.scope(() => { for (let i = 0; i < 10; i++) x.add(i); x.sum().item(); step(); });
    for (let i = 0; i < 50; i++) round();
    const before = [torch.memory().tensors, process.memoryUsage().rss];
    for (let i = 0; i < 1000; i++) round();
    console.log(torch.memory().tensors - before[0], Math.round((process.memoryUsage().rss - before[1]) / 2 ** 20));`;
  const { code, stdout, stderr } = await run(folder, script);
  expect([code, stderr]).toEqual([0, ""]);
  const [tensors, megabytes] = stdout.split(" ").map(Number) as [number, number];
  expect(tensors).toBe(0);
  // 10,000 results of 256 KiB are 2500 MiB. The heap of JavaScript and the allocator's pools may move by some tens.
  expect(megabytes).toBeLessThan(125);
});

test("without scopes the garbage collector frees tensors", async () => {
  const script = `${step}
    for (let i = 0; i < 10_000; i++) torch.zeros([16]).add(1);
    const made = torch.memory().tensors;
    // The collector finds them; their callbacks run in later turns of the event loop.
    for (let turn = 0; turn < 100 && torch.memory().tensors > 0; turn++) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(made > 1000, torch.memory().tensors, torch.memory().bytes);`;
  expect(await run(folder, script, ["--expose-gc"])).toEqual(clean("true 0 0\n"));
});

test("and those that a scope handed out or that were kept, before the scope ended or after", async () => {
  const script = `${step}
    const { keep, scope } = torch;
    for (let i = 0; i < 500; i++) {
      scope(() => scope(() => [torch.zeros([16]), keep(torch.zeros([16]))]));
      scope(() => keep(scope(() => ({ inner: torch.zeros([16]) })).inner));
      keep(scope(() => torch.zeros([16])));
    }
    const made = torch.memory().tensors;
    for (let turn = 0; turn < 100 && torch.memory().tensors > 0; turn++) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(made, torch.memory().tensors, torch.memory().bytes);`;
  expect(await run(folder, script, ["--expose-gc"])).toEqual(clean("2000 0 0\n"));
});

test("V8 knows how large forgotten tensors are, and collects them unasked", async () => {
  // 16 GiB in tensors of 32 MiB that are never written, so that the test itself needs no memory.
  const script = `${step}
    let most = 0;
    for (let i = 0; i < 512; i++) {
      torch.empty([32 << 20], { dtype: "uint8" });
      most = Math.max(most, torch.memory().bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(most / 2 ** 30);`;
  const { code, stdout } = await run(folder, script);
  expect(code).toBe(0);
  expect(Number(stdout)).toBeLessThan(4);
});

test("a lent array lives as long as its tensor, and goes with it", async () => {
  const script = `${step}
    const collected = new Set();
    const registry = new FinalizationRegistry((name) => collected.add(name));
    function lend(name) {
      const array = new Float32Array(1000).fill(7);
      registry.register(array, name);
      return torch.tensor(array, [1000], { share: true });
    }
    const kept = lend("kept");
    lend("dropped").dispose();
    for (let turn = 0; turn < 100 && collected.size === 0; turn++) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
      torch.zeros([1]).dispose();
    }
    console.log([...collected].join(), kept.mean().item());`;
  expect(await run(folder, script, ["--expose-gc"])).toEqual(clean("dropped 7\n"));
});

const locking = (path: string) => `
  import { openSync } from "node:fs";
  import { lockFile } from "./index.js";
  console.log(lockFile(openSync(${JSON.stringify(path)}, "a")));`;

test("a lock keeps other processes out, until its holder ends, even by kill -9", async () => {
  const path = join(temporaryFolder(), "lock");
  const fd = openSync(path, "a");
  expect(lockFile(fd)).toBe(true);
  expect(await run(folder, locking(path))).toEqual(clean("false\n"));
  closeSync(fd);
  const holder = start(folder, `${locking(path)} setInterval(() => {}, 1000);`);
  expect(await nextLine(holder)).toBe("true");
  const mine = openSync(path, "a");
  expect(lockFile(mine)).toBe(false);
  const ended = new Promise((resolve) => holder.once("close", resolve));
  holder.kill("SIGKILL");
  await ended;
  expect(lockFile(mine)).toBe(true);
  closeSync(mine);
});

test.runIf(process.platform === "linux")("a file system without locks says neither yes nor no", async () => {
  const of = temporaryFolder();
  const source = join(of, "flock.c");
  // As network file systems answer; flock() itself, because none of these can be mounted here.
  writeFileSync(
    source,
    '#include <errno.h>\n#include <stdlib.h>\nint flock(int f, int o) { errno = atoi(getenv("REFUSAL")); return -1; }\n',
  );
  const library = join(of, "flock.so");
  execFileSync(process.env.CC ?? "cc", ["-shared", "-fPIC", "-o", library, source]);
  const answer = (refusal: number) =>
    run(folder, locking(join(of, "lock")), [], { LD_PRELOAD: library, REFUSAL: String(refusal) });
  const { ENOSYS, ENOLCK, EOPNOTSUPP, EBADF } = constants.errno;
  for (const refusal of [ENOSYS, ENOLCK, EOPNOTSUPP]) expect(await answer(refusal)).toEqual(clean("undefined\n"));
  expect((await answer(EBADF)).stderr).toContain("flock: Bad file descriptor");
});

test.runIf(process.platform === "linux")("dieWithParent: a grandchild ends with a child killed by -9", async () => {
  const grandchild = `
    import { dieWithParent } from "./index.js";
    if (!dieWithParent()) process.exit(1);
    setInterval(() => {}, 1000);
    console.log(process.pid);`;
  const child = start(
    folder,
    `import { spawn } from "node:child_process";
     import { writeFileSync } from "node:fs";
     const file = new URL("grandchild.js", import.meta.url);
     writeFileSync(file, ${JSON.stringify(grandchild)});
     spawn(process.execPath, [file.pathname], { stdio: "inherit" });
     setInterval(() => {}, 1000);`,
  );
  const pid = Number(await nextLine(child));
  // The grandchild writes to the child's own pipe, which therefore closes when both are gone.
  const bothGone = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  let tooLong: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise((_, reject) => {
    tooLong = setTimeout(() => reject(new Error("the grandchild lives on")), 20_000);
  });
  try {
    await Promise.race([bothGone, limit]);
  } catch (error) {
    process.kill(pid, "SIGKILL");
    throw error;
  } finally {
    clearTimeout(tooLong);
  }
});
