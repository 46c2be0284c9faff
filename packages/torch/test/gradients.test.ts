import { expect, test } from "vitest";
import {
  avgPool2d,
  backward,
  cat,
  conv2d,
  grad,
  gradWhereUsed,
  leakyRelu,
  linear,
  noGrad,
  operator,
  type Tensor,
  TorchError,
  tensor,
  upsampleNearest,
  where,
} from "../src/index.ts";
import { expectClose, f64, values } from "./support/close.ts";
import { expectGradients, normal } from "./support/differences.ts";

const rsqrt = operator<[Tensor], Tensor>("aten::rsqrt");

const image = () => normal(1, [2, 3, 4, 4]);
const matrix = () => normal(2, [3, 4]);
const rows = new BigInt64Array([2n, 0n, 2n]);

const cases: [name: string, f: (...inputs: Tensor[]) => Tensor, inputs: Tensor[]][] = [
  [
    "conv2d",
    (x, w, b) => conv2d(x as Tensor, w as Tensor, b as Tensor, 1),
    [image(), normal(3, [2, 3, 3, 3]), normal(4, [2])],
  ],
  ["linear", (x, w, b) => linear(x as Tensor, w as Tensor, b as Tensor), [matrix(), normal(5, [2, 4]), normal(6, [2])]],
  ["matmul", (a, b) => (a as Tensor).matmul(b as Tensor), [matrix(), normal(7, [4, 2])]],
  ["leakyRelu", (x) => leakyRelu(x as Tensor, 0.2), [image()]],
  ["avgPool2d", (x) => avgPool2d(x as Tensor), [image()]],
  ["upsampleNearest", (x) => upsampleNearest(x as Tensor), [image()]],
  ["pixel norm", (x) => pixelNorm(x as Tensor), [image()]],
  ["spectral norm", (w) => spectralNorm(w as Tensor), [matrix()]],
  ["norm", (x) => (x as Tensor).norm(), [matrix()]],
  ["norm of rows", (x) => (x as Tensor).norm([1], true), [matrix()]],
  ["mean", (x) => (x as Tensor).mean([0, 2]), [image()]],
  [
    "variance",
    (x) =>
      (x as Tensor)
        .sub((x as Tensor).mean([0], true))
        .square()
        .mean([0])
        .log(),
    [matrix()],
  ],
  ["lerp", (a, b) => (a as Tensor).lerp(b as Tensor, 0.3), [matrix(), normal(8, [3, 4])]],
  ["indexSelect", (x) => (x as Tensor).indexSelect(0, tensor(rows)), [matrix()]],
  ["select and narrow", (x) => (x as Tensor).select(0, 1).narrow(0, 1, 2), [matrix()]],
  ["cat of parts", (a, b) => cat([a as Tensor, (b as Tensor).exp()], 1), [matrix(), normal(9, [3, 1])]],
  [
    "where",
    (a, b) => where(tensor(new Uint8Array([1, 0, 1]), [3], { dtype: "bool" }), a as Tensor, b as Tensor),
    [normal(1, [3]), normal(2, [3])],
  ],
  [
    "arithmetic",
    (a, b) =>
      (a as Tensor)
        .mul(b as Tensor)
        .sub(a as Tensor)
        .div((b as Tensor).square().add(1))
        .pow(2),
    [matrix(), normal(8, [3, 4])],
  ],
  [
    "sqrt, rsqrt, log, exp, abs",
    (x) =>
      rsqrt((x as Tensor).exp().add(1))
        .add((x as Tensor).abs().sqrt())
        .log(),
    [matrix()],
  ],
  ["clamp", (x) => (x as Tensor).clamp(-0.5, 0.5), [matrix()]],
  [
    "reshape, permute, flip, expand",
    (x) => (x as Tensor).reshape([4, 3, 1]).permute([1, 0, 2]).flip([0]).expand([3, 4, 2]),
    [matrix()],
  ],
];
test.each(cases)("%s: gradients equal central differences", (_, f, inputs) => expectGradients(f, inputs));

function pixelNorm(x: Tensor): Tensor {
  return x.mul(rsqrt(x.square().mean([1], true).add(1e-8)));
}

/** W / sigma after one power iteration, differentiated through u and v as the original does. */
function spectralNorm(w: Tensor): Tensor {
  const unit = (t: Tensor) => t.div(t.norm().add(1e-12));
  const u = normal(11, [3, 1]);
  const v = unit(w.transpose(0, 1).matmul(u));
  const moved = unit(w.matmul(v));
  return w.div(moved.transpose(0, 1).matmul(w).matmul(v));
}

test("a gradient penalty is differentiated through its gradient", () => {
  const x = normal(20, [2, 2, 4, 4]);
  const penalty = (first: Tensor, second: Tensor, last: Tensor) => {
    x.requiresGrad_();
    const hidden = leakyRelu(pixelNorm(conv2d(x, first, null, 1)), 0.2);
    const score = linear(leakyRelu(conv2d(hidden, second, null), 0.2).reshape([2, -1]), last, null)
      .square()
      .sum();
    const [slope] = grad(score, [x], { createGraph: true }) as [Tensor];
    return slope.reshape([2, -1]).norm([1]).sub(1).square().mean();
  };
  expectGradients(penalty, [normal(21, [3, 2, 3, 3]), normal(22, [2, 3, 3, 3]), normal(23, [1, 8])]);
});

test("the third derivative of x^4 is 24 x", () => {
  const x = f64([1.5]).requiresGrad_();
  let y = x.pow(4);
  for (let i = 0; i < 3; i++) [y] = grad(y, [x], { createGraph: true }) as [Tensor];
  expectClose(y, [36], 1e-13);
});

test("gradOutputs weight the outputs", () => {
  const x = f64([1, 2, 3]).requiresGrad_();
  const [gradient] = grad(x.square(), [x], { gradOutputs: [f64([1, 10, 100])] });
  expect(values(gradient as Tensor)).toEqual([2, 40, 600]);
});

test("backward adds into .grad of leaves; a graph can be kept", () => {
  const x = f64([3]).requiresGrad_();
  expect(x.grad).toBeNull();
  const y = x.square();
  backward(y, { retainGraph: true });
  backward(y);
  expect(x.grad?.item()).toBe(12);
  expect(() => backward(y)).toThrow(/second time/);
  backward(x.mul(2), { gradOutput: f64([5]) });
  expect(x.grad?.item()).toBe(22);
});

test("noGrad records nothing, also after an exception, and detach leaves the graph", () => {
  const x = f64([3]).requiresGrad_();
  expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
  expect(() =>
    noGrad(() => {
      throw new Error("inside");
    }),
  ).toThrow("inside");
  expect(x.mul(2).requiresGrad).toBe(true);
  expect(x.mul(2).detach().requiresGrad).toBe(false);
});

test("an input that the output does not depend on: an error, or null where that is allowed", () => {
  const x = f64([1]).requiresGrad_();
  const other = f64([1]).requiresGrad_();
  expect(() => grad(x.mul(2), [other])).toThrow(TorchError);
  const [used, unused] = gradWhereUsed(x.mul(2), [x, other]);
  expect(used?.item()).toBe(2);
  expect(unused).toBeNull();
  expect(() => grad([], [x])).toThrow("grad needs at least one output and one input");
  expect(() => grad(f64([1]), [x])).toThrow(/does not require grad/);
});
