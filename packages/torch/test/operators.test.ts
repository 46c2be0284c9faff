import { expect, test } from "vitest";
import * as torch from "../src/index.ts";
import { operator, type Tensor, tensor } from "../src/index.ts";
import { expectClose, f64, values } from "./support/close.ts";
import { normal } from "./support/differences.ts";

const rsqrt = operator<[Tensor], Tensor>("aten::rsqrt");

const x = f64([1, -2, 3, 4, 0.5, -6], [2, 3]);
const y = f64([2, 5, -1, 0.25, 8, 1], [2, 3]);
const positive = f64([0.25, 1, 2, 9]);

const elementwise: [name: string, got: Tensor, expected: number[]][] = [
  ["add", x.add(y), [3, 3, 2, 4.25, 8.5, -5]],
  ["add a number", x.add(1), [2, -1, 4, 5, 1.5, -5]],
  ["sub", x.sub(y), [-1, -7, 4, 3.75, -7.5, -7]],
  ["sub a number", x.sub(1), [0, -3, 2, 3, -0.5, -7]],
  ["mul", x.mul(y), [2, -10, -3, 1, 4, -6]],
  ["mul a number", x.mul(-2), [-2, 4, -6, -8, -1, 12]],
  ["mul broadcasts", x.mul(f64([1, 10, 100])), [1, -20, 300, 4, 5, -600]],
  ["div", x.div(y), [0.5, -0.4, -3, 16, 0.0625, -6]],
  ["div by a number", x.div(4), [0.25, -0.5, 0.75, 1, 0.125, -1.5]],
  ["pow", x.pow(3), [1, -8, 27, 64, 0.125, -216]],
  ["neg", x.neg(), [-1, 2, -3, -4, -0.5, 6]],
  ["abs", x.abs(), [1, 2, 3, 4, 0.5, 6]],
  ["square", x.square(), [1, 4, 9, 16, 0.25, 36]],
  ["sqrt", positive.sqrt(), [0.5, 1, Math.SQRT2, 3]],
  ["rsqrt", rsqrt(positive), [2, 1, Math.SQRT1_2, 1 / 3]],
  ["log", positive.log(), [Math.log(0.25), 0, Math.LN2, Math.log(9)]],
  ["exp", positive.exp(), [0.25, 1, 2, 9].map(Math.exp)],
  ["clamp", x.clamp(-2, 3), [1, -2, 3, 3, 0.5, -2]],
  ["clamp below only", x.clamp(0, null), [1, 0, 3, 4, 0.5, 0]],
  ["lerp", x.lerp(y, 0.25), [1.25, -0.25, 2, 3.0625, 2.375, -4.25]],
  ["leakyRelu", torch.leakyRelu(x, 0.2), [1, -0.4, 3, 4, 0.5, -1.2]],
  ["where", torch.where(x.isFinite(), x, y), values(x)],
];
// One or two roundings of numbers below 2^14.
test.each(elementwise)("%s matches the closed form", (_, got, expected) => expectClose(got, expected, 2 ** -38));

test("reductions over everything and over dimensions", () => {
  expectClose(x.sum(), [0.5], 1e-15);
  expectClose(x.sum([0]), [5, -1.5, -3], 1e-15);
  expect(x.sum([1], true).shape).toEqual([2, 1]);
  expectClose(x.mean(), [0.5 / 6], 1e-15);
  expectClose(x.mean([1]), [2 / 3, -0.5], 1e-15);
  expectClose(x.norm(), [Math.sqrt(66.25)], 1e-14);
  expectClose(x.norm([1]), [Math.sqrt(14), Math.sqrt(52.25)], 1e-14);
  expect(x.norm([1], true).shape).toEqual([2, 1]);
  expect(x.max().item()).toBe(4);
  expect(x.min().item()).toBe(-6);
});

test("all and isFinite find one NaN or infinity", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const t = f64([1, bad, 3]);
    expect(values(t.isFinite())).toEqual([1, 0, 1]);
    expect(t.isFinite().all().item()).toBe(0);
  }
  expect(x.isFinite().all().item()).toBe(1);
});

test("shapes: reshape, permute, transpose, narrow, select, unsqueeze, expand, flip, indexSelect, cat, stack", () => {
  expect(x.reshape([3, -1]).shape).toEqual([3, 2]);
  expect(values(x.permute([1, 0]))).toEqual([1, 4, -2, 0.5, 3, -6]);
  expect(values(x.transpose(0, 1))).toEqual([1, 4, -2, 0.5, 3, -6]);
  expect(values(x.narrow(1, 1, 2))).toEqual([-2, 3, 0.5, -6]);
  expect(values(x.select(0, -1))).toEqual([4, 0.5, -6]);
  expect(x.unsqueeze(0).shape).toEqual([1, 2, 3]);
  expect(values(f64([1, 2]).unsqueeze(1).expand([2, 2]))).toEqual([1, 1, 2, 2]);
  expect(values(x.flip([1]))).toEqual([3, -2, 1, -6, 0.5, 4]);
  expect(values(x.indexSelect(0, tensor(new BigInt64Array([1n, 0n, 1n]))))).toEqual([4, 0.5, -6, 1, -2, 3, 4, 0.5, -6]);
  expect(torch.cat([x, y]).shape).toEqual([4, 3]);
  expect(values(torch.cat([x, y], 1)).slice(0, 6)).toEqual([1, -2, 3, 2, 5, -1]);
  expect(torch.stack([x, y], 1).shape).toEqual([2, 2, 3]);
  expect(x.size(-1)).toBe(3);
  expect(x.length).toBe(6);
});

test("matmul and linear", () => {
  // [1 -2 3; 4 .5 -6] [2 .25; 5 8; -1 1]
  expect(values(x.matmul(y.transpose(0, 1)))).toEqual([-11, -12.75, 16.5, -1]);
  expect(values(torch.linear(x, y, f64([100, 200])))).toEqual([89, 187.25, 116.5, 199]);
  expect(values(torch.linear(x, y, null))).toEqual([-11, -12.75, 16.5, -1]);
});

test("conv2d is the cross-correlation written as loops", () => {
  const [batch, inputs, outputs, side, kernel, padding] = [2, 3, 4, 5, 3, 1];
  const image = normal(1, [batch, inputs, side, side]);
  const weight = normal(2, [outputs, inputs, kernel, kernel]);
  const bias = normal(3, [outputs]);
  const [X, W, B] = [values(image), values(weight), values(bias)] as [number[], number[], number[]];
  const expected: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outputs; o++)
      for (let r = 0; r < side; r++)
        for (let c = 0; c < side; c++) {
          let sum = B[o] as number;
          for (let i = 0; i < inputs; i++)
            for (let kr = 0; kr < kernel; kr++)
              for (let kc = 0; kc < kernel; kc++) {
                const [row, column] = [r + kr - padding, c + kc - padding];
                if (row < 0 || column < 0 || row >= side || column >= side) continue;
                const pixel = X[((n * inputs + i) * side + row) * side + column] as number;
                sum += pixel * (W[((o * inputs + i) * kernel + kr) * kernel + kc] as number);
              }
          expected.push(sum);
        }
  // 28 terms below 16 each: 28 * 2^-53 * 28 * 16.
  expectClose(torch.conv2d(image, weight, bias, padding), expected, 2e-12);
  expect(torch.conv2d(image, weight, null).shape).toEqual([2, 4, 3, 3]);
});

test("avgPool2d halves, upsampleNearest doubles", () => {
  const image = f64([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 2, 4]);
  expect(values(torch.avgPool2d(image))).toEqual([3.5, 5.5]);
  expect(values(torch.upsampleNearest(f64([1, 2], [1, 1, 1, 2])))).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  expect(torch.upsampleNearest(image, 4).shape).toEqual([1, 1, 8, 16]);
});

test("creation: empty, zeros, full, arange, zerosLike", () => {
  expect(torch.empty([2, 5], { dtype: "int8" }).shape).toEqual([2, 5]);
  expect(values(torch.zeros([2, 2]))).toEqual([0, 0, 0, 0]);
  expect(values(torch.full([3], 2.5, { dtype: "float64" }))).toEqual([2.5, 2.5, 2.5]);
  const range = torch.arange(4, { dtype: "int64" });
  expect(range.dtype).toBe("int64");
  expect(values(range)).toEqual([0, 1, 2, 3]);
  expect(values(torch.zerosLike(x))).toEqual([0, 0, 0, 0, 0, 0]);
});

test("in-place operators write into the tensor and return it", () => {
  const t = f64([1, 2]);
  expect(t.add_(f64([10, 20]), 2)).toBe(t);
  expect(values(t)).toEqual([21, 42]);
  expect(values(t.mul_(2))).toEqual([42, 84]);
  expect(values(t.lerp_(f64([0, 0]), 0.5))).toEqual([21, 42]);
  expect(values(t.copy_(f64([7, 8])))).toEqual([7, 8]);
  expect(values(t.fill_(3))).toEqual([3, 3]);
});

test("clone and toTypedArray copy; view and share do not", () => {
  const mine = new Float32Array([1, 2, 3]);
  const shared = tensor(mine, [3], { share: true });
  const copied = tensor(mine);
  mine[0] = 9;
  expect(values(shared)).toEqual([9, 2, 3]);
  expect(values(copied)).toEqual([1, 2, 3]);
  const window = shared.view() as Float32Array;
  const copy = shared.toTypedArray();
  const twin = shared.clone();
  shared.fill_(5);
  expect([...window, ...mine]).toEqual([5, 5, 5, 5, 5, 5]);
  expect(Array.from(copy as Float32Array)).toEqual([9, 2, 3]);
  expect(values(twin)).toEqual([9, 2, 3]);
  shared.dispose();
  expect([...window]).toEqual([5, 5, 5]);
});

test("lent memory cannot be taken away or resized", () => {
  const mine = new Float32Array([1, 2, 3]);
  const lent = tensor(mine, [3], { share: true });
  const take = (buffer: ArrayBuffer) => {
    try {
      structuredClone(buffer, { transfer: [buffer] });
    } catch {
      // Newer Node refuses; 20 copies instead.
    }
    return buffer.byteLength;
  };
  expect(take(mine.buffer)).toBe(12);
  expect(take(lent.view().buffer as ArrayBuffer)).toBe(12);
  expect(values(lent)).toEqual([1, 2, 3]);
  const growing = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 16 }]) as ArrayBuffer;
  expect(() => tensor(new Uint8Array(growing), [8], { share: true })).toThrow("cannot be resized");
});

test("dtypes convert and round as IEEE 754 says; 16-bit floats come as bits", () => {
  expect(values(f64([1.7, -1.7]).to("int32"))).toEqual([1, -1]);
  expect(values(f64([1 + 2 ** -9]).to("bfloat16"))).toEqual([0x3f80]);
  expect(values(f64([1 + 3 * 2 ** -9]).to("bfloat16"))).toEqual([0x3f81 + 0]);
  expect(values(f64([1, -2]).to("float16"))).toEqual([0x3c00, 0xc000]);
  expect(values(f64([0, 3]).to("bool"))).toEqual([0, 1]);
  expect(tensor(new Uint16Array([0x3f80]), [1], { dtype: "bfloat16" }).item()).toBe(1);
  expect(values(tensor(new Float32Array([1])).viewAs("uint8"))).toEqual([0, 0, 128, 63]);
  expect(x.to("float32").dtype).toBe("float32");
  expect(x.device).toBe("cpu");
  expect(tensor([1, 2]).dtype).toBe("float32");
});

test("channels-last memory reads out in row-major order", () => {
  const image = normal(4, [2, 3, 4, 5]);
  const last = image.contiguous("channelsLast");
  expect(values(last)).toEqual(values(image));
  expect(values(image.permute([0, 2, 3, 1]))).not.toEqual(values(image));
});

test("zero-size tensors and scalars", () => {
  const nothing = tensor(new Float32Array(0), [0, 3]);
  expect(nothing.shape).toEqual([0, 3]);
  expect(nothing.toTypedArray().length).toBe(0);
  expect(nothing.sum().item()).toBe(0);
  expect(tensor([4], []).shape).toEqual([]);
  expect(tensor([4], []).item()).toBe(4);
});

test("foreach operators act on every pair", () => {
  const a = [f64([1, 2]), f64([3])];
  torch.foreach.mul_(a, 2);
  torch.foreach.add_(a, [f64([1, 1]), f64([1])], 10);
  expect(a.map(values)).toEqual([[12, 14], [16]]);
  torch.foreach.addcmul_(a, [f64([1, 2]), f64([3])], [f64([2, 2]), f64([2])], 0.5);
  expect(a.map(values)).toEqual([[13, 16], [19]]);
  torch.foreach.addcdiv_(a, [f64([1, 2]), f64([3])], [f64([2, 2]), f64([2])], [2, 4]);
  expect(a.map(values)).toEqual([[14, 18], [25]]);
  expect(torch.foreach.sqrt([f64([4]), f64([9])]).map(values)).toEqual([[2], [3]]);
  torch.foreach.div_(a, [2, 5]);
  torch.foreach.addScalar_(a, 1);
  expect(a.map(values)).toEqual([[8, 10], [6]]);
});

test("any operator by name: several results, defaults, keyword arguments, optional tensors in lists", () => {
  const max = torch.operator<[Tensor, number, boolean?], [Tensor, Tensor]>("aten::max.dim");
  const [largest, where] = max(x, 1);
  expect(values(largest)).toEqual([3, 4]);
  expect(values(where)).toEqual([2, 0]);
  const index = torch.operator<[Tensor, readonly (Tensor | null)[]], Tensor>("aten::index.Tensor");
  expect(values(index(x, [null, tensor(new BigInt64Array([2n, 0n]))]))).toEqual([3, 1, -6, 4]);
  const equal = torch.operator<[Tensor, Tensor], boolean>("aten::equal");
  expect(equal(x, x.clone())).toBe(true);
  const split = torch.operator<[Tensor, number, number], Tensor[]>("aten::split.Tensor");
  expect(split(x, 2, 1).map(({ shape }) => shape)).toEqual([
    [2, 2],
    [2, 1],
  ]);
});

test("capabilities and threads", () => {
  expect(torch.capabilities().libtorch).toMatch(/^\d+\.\d+/);
  expect(torch.capabilities().cudaDevices).toBeGreaterThanOrEqual(0);
  const before = torch.getThreads();
  torch.setThreads(1);
  expect(torch.getThreads()).toBe(1);
  torch.setThreads(before);
  torch.setDeterministic(true);
  torch.setDeterministic(false);
});
