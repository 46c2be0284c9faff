// cacheMemory() holds for a whole process: every test has its own.
import { expect, test } from "vitest";
import { compilePackage, type Outcome, run } from "./support/node.ts";

const folder = compilePackage();
const clean = (stdout: string): Outcome => ({ code: 0, signal: null, stdout, stderr: "" });

/**
 * churn(): tensors of all sizes come and go, each full of its own number; a wrong one in any that is alive means that two
 * share memory. Blocks from 256 KiB on are kept, in steps of 64 KiB.
 */
const churn = `
import * as torch from "./index.js";
function churn(rounds, seed) {
  let state = seed;
  const below = (limit) => (state = (state * 1103515245 + 12345) % 2147483648) % limit;
  const sizes = [1, 1000, 65535, 65536, 65537, 81920, 100003, 262144, 1048577, 2097152, 2359296, 2600000];
  const alive = new Map();
  let checked = 0;
  const check = (tensor, number) => {
    const [low, high] = torch.scope(() => [tensor.min().item(), tensor.max().item()]);
    if (low !== number || high !== number) throw new Error("expected " + number + ", got " + low + " to " + high);
    checked++;
  };
  for (let round = 1; round <= rounds; round++) {
    const tensor = torch.empty([sizes[below(sizes.length)]]);
    tensor.fill_(round);
    alive.set(round, tensor);
    while (alive.size > 6) {
      const number = [...alive.keys()][below(alive.size)];
      check(alive.get(number), number);
      alive.get(number).dispose();
      alive.delete(number);
    }
  }
  for (const [number, tensor] of alive) {
    check(tensor, number);
    tensor.dispose();
  }
  return checked;
}`;

test("tensors in reused blocks hold their own numbers, one thread", async () => {
  const script = `${churn}
    const early = torch.empty([300000]).fill_(-1); // of the system, freed under the cache
    torch.cacheMemory();
    console.log(churn(300, 1));
    if (torch.scope(() => early.min().item() !== -1 || early.max().item() !== -1)) process.exit(9);
    early.dispose();
    torch.cacheMemory(); // again: nothing changes
    console.log(churn(300, 2), torch.memory().tensors);`;
  expect(await run(folder, script)).toEqual(clean("300\n300 0\n"));
});

test("and several threads at once, of one cache", async () => {
  const script = `${churn}
    import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
    if (isMainThread) {
      torch.cacheMemory();
      const answers = await Promise.all([1, 2, 3].map((seed) => new Promise((resolve, reject) => {
        const worker = new Worker(new URL(import.meta.url), { workerData: seed });
        worker.on("message", resolve);
        worker.on("error", reject);
      })));
      console.log(answers.join());
    } else parentPort.postMessage(churn(150, workerData));`;
  expect(await run(folder, script)).toEqual(clean("150,150,150\n"));
});

test("operators and their ways back give the same bits with and without it", async () => {
  const script = (cached: boolean) => `
    import * as torch from "./index.js";
    ${cached ? "torch.cacheMemory();" : ""}
    for (let round = 0; round < 3; round++) torch.scope(() => {
      const generator = new torch.RandomGenerator(1);
      const weight = torch.randn([32, 16, 3, 3], generator).requiresGrad_();
      const bias = torch.randn([32], generator).requiresGrad_();
      const x = torch.randn([4, 16, 64, 64], generator).contiguous("channelsLast").requiresGrad_();
      const y = torch.fused.pixelNormLeakyRelu(torch.conv2d(x, weight, null, 1), bias, 0.2, 1e-8);
      const gradients = torch.grad(y.mul(torch.randn(y.shape, generator)).sum(), [weight, bias, x]);
      for (const value of [y.detach(), ...gradients]) {
        const bits = new Uint32Array(value.toFloat32Array().buffer);
        console.log(bits.reduce((hash, word) => Math.imul(hash ^ word, 16777619) >>> 0, 2166136261));
      }
    });`;
  const [without, cached] = [await run(folder, script(false)), await run(folder, script(true))];
  expect(without).toMatchObject({ code: 0, stderr: "" });
  expect(without.stdout.split("\n")).toHaveLength(13);
  expect(cached).toEqual(without);
});

test("pixels that nobody reads have the gradient 0 even in a block that was full of NaN", async () => {
  const script = `
    import * as torch from "./index.js";
    torch.cacheMemory();
    for (const dtype of ["float32", "bfloat16"]) torch.scope(() => {
      const random = new torch.RandomGenerator(1);
      const x = torch.randn([3, 68, 41, 33], random).to(dtype).contiguous("channelsLast").requiresGrad_();
      const bias = torch.randn([17], random);
      const y = torch.fused.upsampledPixelNormLeakyRelu(x, bias, 0.2, 1e-8);
      const dy = torch.randn(y.shape, random).to(dtype);
      torch.scope(() => {
        for (let i = 0; i < 8; i++) torch.empty([x.length], { dtype }).fill_(NaN);
      });
      // The next block of this size is one of those.
      torch.scope(() => {
        if (torch.empty([x.length], { dtype }).isFinite().to("float32").sum().item() !== 0) process.exit(9);
      });
      const [dx] = torch.grad(y, [x], { gradOutputs: [dy] });
      const gradients = dx.toFloat32Array();
      let [unread, wrong] = [0, 0];
      for (let at = 0; at < gradients.length; at++) {
        const [column, row] = [at % 33, Math.floor(at / 33) % 41];
        const phase = Math.floor((Math.floor(at / (33 * 41)) % 68) / 17);
        if (row === (phase < 2 ? 40 : 0) || column === (phase % 2 ? 0 : 32)) {
          unread++;
          if (gradients[at] !== 0) wrong++;
        } else if (!Number.isFinite(gradients[at])) wrong++;
      }
      console.log(unread, wrong);
    });`;
  const unread = 3 * 68 * (41 + 33 - 1);
  expect(await run(folder, script)).toEqual(clean(`${unread} 0\n${unread} 0\n`));
});

/** One tensor at a time, of every size in steps of 64 KiB from 256 KiB to 7.75 MiB; with a block for each, they are 480 MiB. */
const everySize = `
import * as torch from "./index.js";
const everySize = () => {
  for (let kib = 256; kib < 7936; kib += 64) torch.scope(() => void torch.empty([kib * 256]).fill_(1));
};
const residentMib = () => process.memoryUsage().rss / 2 ** 20;`;

test("the process does not grow: 200 rounds of sizes that come and go", async () => {
  const script = `${everySize}
    torch.cacheMemory();
    everySize();
    let state = 7;
    const below = (limit) => (state = (state * 1103515245 + 12345) % 2147483648) % limit;
    const before = residentMib();
    for (let round = 0; round < 200; round++) {
      // Ten at a time of 0.3 to 5.2 MiB, 55 MiB at most.
      torch.scope(() => { for (let i = 0; i < 10; i++) torch.empty([80000 + below(1300000)]).fill_(round); });
    }
    console.log(Math.round(residentMib() - before));`;
  const { stdout, ...rest } = await run(folder, script);
  expect(rest).toEqual({ code: 0, signal: null, stderr: "" });
  // What was alive at once and half of it, 83 MiB; as much again for holes between blocks and V8's own. With a block for
  // each size and no limit they would come to hundreds of MiB: 80 sizes, up to ten of each.
  expect(Number(stdout)).toBeLessThan(166);
});

test("an allocation that fails is one line, and what is kept stays bounded", async () => {
  const script = `${everySize}
    torch.cacheMemory();
    const before = residentMib();
    try {
      torch.empty([2 ** 50]);
      process.exit(9);
    } catch (error) {
      console.log(error.constructor.name, error.message.split("\\n").length);
    }
    everySize();
    console.log(residentMib() - before < 64);`;
  expect(await run(folder, script)).toEqual(clean("TorchError 1\ntrue\n"));
});
