import { expect, test } from "vitest";
import { fused, getThreads, grad, movingAverage_, scope, setThreads, type Tensor } from "../src/index.ts";
import { expectClose, values } from "./support/close.ts";
import { normal } from "./support/differences.ts";

const format = (x: Tensor, lying: "contiguous" | "channelsLast") => (x.shape.length === 4 ? x.contiguous(lying) : x);
// A scalar, an odd vector, more than one piece (65536), kernels.
const shapes = [[1], [37], [257, 256], [5, 7, 3, 3], [4, 5, 1, 1]];

test.each([
  ["contiguous", "contiguous"],
  ["channelsLast", "channelsLast"],
  ["channelsLast", "contiguous"],
  ["contiguous", "channelsLast"],
] as const)("of averages %s and values %s equals lerp_ in float64 to float32 rounding", (ofAverages, ofValues) => {
  scope(() => {
    for (const weight of [0.001, 0.3, 0.999]) {
      const averages = shapes.map((shape, i) => format(normal(i, shape).to("float32"), ofAverages));
      const targets = shapes.map((shape, i) => format(normal(10 + i, shape).to("float32"), ofValues));
      const expected = averages.map((average) => average.to("float64"));
      const before = targets.map(values);
      for (let step = 0; step < 3; step++) {
        movingAverage_(averages, targets, weight);
        for (const [i, exact] of expected.entries()) exact.lerp_((targets[i] as Tensor).to("float64"), weight);
      }
      for (const [i, average] of averages.entries()) {
        // Three times a difference, the weight, a product and a sum, of numbers up to 5 and differences up to 10.
        expectClose(average, values(expected[i] as Tensor), 3 * (5 + 3 * 10 * weight) * 2 ** -24);
      }
      expect(targets.map(values)).toEqual(before);
    }
  });
});

test("in float64 it is lerp_", () => {
  scope(() => {
    const averages = shapes.map((shape, i) => normal(i, shape));
    const targets = shapes.map((shape, i) => normal(10 + i, shape));
    const expected = averages.map((average, i) => average.lerp(targets[i] as Tensor, 0.01));
    movingAverage_(averages, targets, 0.01);
    expect(averages.map(values)).toEqual(expected.map(values));
  });
});

test("a weight of 0 changes nothing, parameters stay leaves, and autograd notices", () => {
  scope(() => {
    const average = normal(1, [70]).to("float32").requiresGrad_();
    const target = normal(2, [70]).to("float32").requiresGrad_();
    const before = values(average);
    movingAverage_([average], [target], 0);
    expect(values(average)).toEqual(before);
    const y = average.square().sum();
    movingAverage_([average], [target], 0.5);
    expect(average.requiresGrad).toBe(true);
    expect(() => grad(y, [average])).toThrow(/modified by an inplace operation/);
    const [gradient] = grad(target.square().sum(), [target]) as [Tensor];
    expect(values(gradient)).toEqual(values(target.detach().mul(2)));
  });
});

test("the number of threads changes nothing, to the bit", () => {
  const before = getThreads();
  const results = [1, 2, 3].map((threads) => {
    setThreads(threads);
    return scope(() => {
      const averages = shapes.map((shape, i) => normal(i, shape).to("float32"));
      movingAverage_(
        averages,
        shapes.map((shape, i) => normal(10 + i, shape).to("float32")),
        0.3,
      );
      return averages.map(values);
    });
  });
  setThreads(before);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("lists of different lengths and tensors of other shapes are refused in one line, nothing moved", () => {
  const [average, target] = [normal(1, [3]).to("float32"), normal(2, [3]).to("float32")];
  const before = values(average);
  expect(() => fused.ema_([average], [target, target], 0.5)).toThrow(
    /^pioneer::ema_: [^\n]*lists of one length[^\n]*$/,
  );
  expect(() => movingAverage_([average, average], [target, normal(3, [4]).to("float32")], 0.5)).toThrow(
    /^pioneer::ema_: [^\n]*average 1 is \[3\], its value \[4\][^\n]*$/,
  );
  expect(() => movingAverage_([average], [target.to("float64")], 0.5)).toThrow(/must be float32/);
  expect(values(average)).toEqual(before);
});
