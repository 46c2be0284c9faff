import { existsSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  avgPool2d,
  BatchLoader,
  type BatchRequest,
  capabilities,
  cat,
  fromFile,
  memory,
  noGrad,
  RandomGenerator,
  rand,
  scope,
  type Tensor,
  tensor,
  upsampleNearest,
} from "../src/index.ts";
import { expectClose, values } from "./support/close.ts";
import { temporaryFolder } from "./support/folder.ts";
import { compilePackage, run } from "./support/node.ts";

/** Random bytes as images [count, side, side, channels]. */
const drawImages = (count: number, side: number, channels: number) =>
  rand([count, side, side, channels], new RandomGenerator(side + channels), 0, 256).to("uint8");

/** Every image once and some twice, in no order: more than there are. */
const indices = Uint32Array.of(4, 0, 2, 2, 1, 3, 0);
const mirrored = Uint8Array.of(0, 1, 1, 0, 0, 1, 0);

/** The same of ATen operators. */
function compose(images: Tensor, { indices, mirrored, size, blend }: BatchRequest): Tensor {
  return noGrad(() =>
    scope(() => {
      const rows = images.indexSelect(0, tensor(Int32Array.from(indices))).permute([0, 3, 1, 2]);
      const factor = images.size(1) / size;
      const means = avgPool2d(rows.to("float32"), factor).div(127.5).sub(1).expand([-1, 3, -1, -1]).contiguous();
      const turned = means.flip([3]);
      const x = cat(Array.from(mirrored, (flag, i) => (flag ? turned : means).narrow(0, i, 1)));
      return blend < 1 ? upsampleNearest(avgPool2d(x)).lerp(x, blend) : x;
    }),
  );
}

const load = (images: Tensor, request: BatchRequest): Tensor => {
  using loader = new BatchLoader(images);
  loader.begin(request);
  return loader.finish();
};

const colours = [
  ["three channels", 3],
  ["one channel", 1],
] as const;

for (const [name, channels] of colours) {
  // Sums of up to 256² bytes are whole numbers below 2^24; the means of powers of two squared pixels are exact, and both
  // sides round the same quotient and difference: nothing may differ.
  test.each([1, 2, 4, 8, 16])(`${name}, size %i: as the composition, exactly`, (size) => {
    const images = drawImages(5, 16, channels);
    const request = { indices, mirrored, size, blend: 1 };
    expectClose(load(images, request), values(compose(images, request)), 0);
  });

  // Blended, the half-size image is rounded once here and four times in the composition (three sums of up to 4, a quotient
  // before: 2^-24 · (2 + 4 + 4) / 4), the product, the difference and the sum once each, and some versions of lerp fuse two
  // of these: less than 8 · 2^-24 together.
  test.each([0, 0.25, 0.7, 0.999])(`${name}, blend %f: as the composition, but for rounding`, (blend) => {
    for (const size of [2, 4, 8, 16]) {
      const images = drawImages(5, 16, channels);
      const request = { indices, mirrored, size, blend };
      expectClose(load(images, request), values(compose(images, request)), 8 * 2 ** -24);
    }
  });
}

test("white at the largest factor is exactly 1: no sum overflows", () => {
  const white = tensor(new Uint8Array(512 * 512).fill(255), [1, 512, 512, 1]);
  const request = { indices: Uint32Array.of(0), mirrored: Uint8Array.of(1), size: 2, blend: 0.3 };
  expect(values(load(white, request))).toEqual(Array.from({ length: 12 }, () => 1));
});

test("sizes that are no powers of two", () => {
  const images = drawImages(5, 15, 3);
  const request = { indices, mirrored, size: 5, blend: 1 };
  // A ninth is rounded on both sides, perhaps before the sum on one.
  expectClose(load(images, request), values(compose(images, request)), 4 * 2 ** -24);
});

test("batches lie channels last, and come in the order of the requests", () => {
  const images = drawImages(5, 8, 3);
  using loader = new BatchLoader(images);
  for (let i = 0; i < 50; i++) {
    const request = { indices: indices.subarray(i % 5), mirrored: mirrored.subarray(i % 5), size: 4, blend: 1 };
    loader.begin(request);
    scope(() => {
      const batch = loader.finish();
      expectClose(batch, values(compose(images, request)), 0);
      expect(batch.permute([0, 2, 3, 1]).view().length).toBe(batch.length);
    });
  }
});

test("a batch that nobody took is dropped for the next", () => {
  const images = drawImages(5, 64, 3);
  using loader = new BatchLoader(images);
  const request = (first: number) => ({
    indices: Uint32Array.from({ length: 200 }, (_, i) => (first + i) % 5),
    mirrored: new Uint8Array(200),
    size: 32,
    blend: 1,
  });
  for (let i = 0; i < 20; i++) loader.begin(request(i));
  expectClose(loader.finish(), values(compose(images, request(19))), 0);
  expect(() => loader.finish()).toThrow("no batch was begun");
});

test("what is out of range is refused at once, and the loader goes on", () => {
  const images = drawImages(5, 8, 3);
  using loader = new BatchLoader(images);
  const good = { indices, mirrored, size: 8, blend: 1 };
  const begin = (change: object) => () => loader.begin({ ...good, ...change });
  loader.begin(good);
  expect(begin({ indices: Uint32Array.of(0, 5), mirrored: new Uint8Array(2) })).toThrow("image 5 is not one of the 5");
  expect(begin({ indices: Uint32Array.of(2 ** 32 - 1), mirrored: new Uint8Array(1) })).toThrow(
    "image 4294967295 is not",
  );
  expect(begin({ indices: new Uint32Array(), mirrored: new Uint8Array() })).toThrow("at least one image");
  expect(begin({ mirrored: new Uint8Array(3) })).toThrow("one value for each of the 7 images, got 3");
  for (const size of [0, -8, 3, 16]) expect(begin({ size })).toThrow("size must divide the images' 8");
  expect(begin({ size: 2.5 })).toThrow("size must be a whole number");
  for (const blend of [-0.1, 1.1, Number.NaN]) expect(begin({ blend })).toThrow("blend must be from 0 to 1");
  expect(begin({ size: 1, blend: 0.5 })).toThrow("even size");
  expect(begin({ indices: [0] })).toThrow("indices must be a Uint32Array, got an array");
  expect(begin({ mirrored: new Float32Array(7) })).toThrow("mirrored must be a Uint8Array");
  expectClose(loader.finish(), values(compose(images, good)), 0);
});

test("only images are taken", () => {
  const bytes = drawImages(2, 4, 3);
  for (const wrong of [bytes.to("float32"), bytes.select(0, 0), bytes.narrow(1, 0, 2), bytes.permute([0, 2, 1, 3])]) {
    expect(() => new BatchLoader(wrong)).toThrow("expected images as a contiguous uint8[count,side,side,1 or 3]");
  }
  expect(() => new BatchLoader(drawImages(2, 4, 2))).toThrow("uint8[2,4,4,2] cpu");
});

test("what goes wrong on the thread is told by finish(), and the loader goes on", () => {
  // 4 bytes · 3 · 4096² · 2^20 images: more than any address space holds.
  const images = tensor(new Uint8Array(4096 * 4096), [1, 4096, 4096, 1]);
  using loader = new BatchLoader(images);
  const count = 2 ** 20;
  loader.begin({ indices: new Uint32Array(count), mirrored: new Uint8Array(count), size: 4096, blend: 1 });
  expect(() => loader.finish()).toThrow(/not enough memory|can't allocate|invalid/i);
  loader.begin({ indices: Uint32Array.of(0), mirrored: Uint8Array.of(0), size: 16, blend: 1 });
  expect(values(loader.finish())).toEqual(Array.from({ length: 768 }, () => -1));
});

test.skipIf(capabilities().cudaDevices > 0)("pinned memory without CUDA is such an error", () => {
  using loader = new BatchLoader(drawImages(5, 4, 1), { pinned: true });
  loader.begin({ indices, mirrored, size: 4, blend: 1 });
  expect(() => loader.finish()).toThrow(/CUDA|NVIDIA|accelerator|pinned/i);
});

test("a disposed loader is refused; one that is busy can be disposed of; no tensor stays", () => {
  const before = memory().tensors;
  scope(() => {
    const images = drawImages(5, 256, 3);
    const many = { indices: new Uint32Array(500), mirrored: new Uint8Array(500), size: 256, blend: 1 };
    for (let i = 0; i < 10; i++) {
      const loader = new BatchLoader(images);
      loader.begin(many);
      loader.dispose();
      loader.dispose();
      expect(() => loader.begin(many)).toThrow("disposed");
      expect(() => loader.finish()).toThrow("disposed");
    }
  });
  expect(memory().tensors).toBe(before);
});

test("a mapped file stays mapped for the loader; one that is too short is refused when it is mapped", () => {
  const path = join(temporaryFolder(), "bytes");
  writeFileSync(path, Buffer.alloc(2 * 8 * 8 * 3, 51));
  const loader = scope(() => new BatchLoader(fromFile(path, 384).reshape([2, 8, 8, 3])));
  loader.begin({ indices: Uint32Array.of(1, 0), mirrored: Uint8Array.of(0, 0), size: 4, blend: 1 });
  expectClose(
    loader.finish(),
    Array.from({ length: 96 }, () => 51 / 127.5 - 1),
    2 ** -24,
  );
  loader.dispose();
  truncateSync(path, 383);
  expect(() => fromFile(path, 384)).toThrow("aten::from_file");
});

const busy = `
  import * as torch from "./index.js";
  export function startLoading() {
    const images = torch.zeros([4, 512, 512, 3], { dtype: "uint8" });
    const loader = new torch.BatchLoader(images);
    loader.begin({ indices: new Uint32Array(100), mirrored: new Uint8Array(100), size: 512, blend: 0.5 });
    return loader;
  }`;
const clean = (stdout: string) => ({ code: 0, signal: null, stdout, stderr: "" });
const folder = compilePackage();

test("a process may end, by itself or by process.exit, while a batch is made", async () => {
  const byItself = `${busy} globalThis.loader = startLoading(); console.log("end");`;
  expect(await run(folder, byItself)).toEqual(clean("end\n"));
  expect(await run(folder, `${byItself} process.exit(0);`)).toEqual(clean("end\n"));
});

test("workers that end or are terminated while a batch is made take nothing down", async () => {
  const script = `
    import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
    ${busy}
    if (isMainThread) {
      for (const terminate of [false, true, false, true]) {
        const worker = new Worker(new URL(import.meta.url), { workerData: terminate });
        const ended = new Promise((resolve) => worker.once("exit", resolve));
        await new Promise((resolve) => worker.once("message", resolve));
        if (terminate) await worker.terminate();
        else await ended;
      }
      console.log(startLoading().finish().shape.join());
    } else {
      globalThis.loader = startLoading();
      parentPort.postMessage("busy");
      if (workerData) setInterval(() => {}, 1000);
    }`;
  expect(await run(folder, script)).toEqual(clean("100,3,512,512\n"));
});

test.runIf(existsSync("/proc/self/task"))("a forgotten loader's thread ends", async () => {
  const script = `${busy}
    import { readdirSync } from "node:fs";
    const threads = () => readdirSync("/proc/self/task").length;
    torch.setThreads(1);
    startLoading().dispose();
    const before = threads();
    (() => { for (let i = 0; i < 5; i++) startLoading(); })();
    const most = threads();
    for (let turn = 0; turn < 1000 && threads() > before; turn++) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    console.log(most - before, threads() - before);`;
  expect(await run(folder, script, ["--expose-gc"])).toEqual(clean("5 0\n"));
});
