import { expect, test } from "vitest";
import {
  type CalledValue,
  conv2d,
  grad,
  noGrad,
  type OperatorCall,
  operator,
  RandomGenerator,
  randn,
  recordOperators,
  scope,
  type TensorNote,
  TorchError,
} from "../src/index.ts";

const random = new RandomGenerator(0);
const image = () => randn([2, 3, 8, 8], random).contiguous("channelsLast");
const kernel = () => randn([4, 3, 3, 3], random);

const named = (calls: readonly OperatorCall[], name: string) => calls.filter((call) => call.name === name);
const noteOf = (value: CalledValue | undefined) => value as TensorNote;

test("a convolution's forward and backward are noted with shapes, strides, dtypes and mask", () => {
  scope(() => {
    const [x, w] = [image(), kernel().requiresGrad_()];
    const { calls } = recordOperators(() => grad(conv2d(x, w, null, 1).sum(), [w]));

    const [forward, ...more] = named(calls, "aten::convolution");
    expect(more).toEqual([]);
    expect(forward?.inputs[0]).toEqual({ shape: [2, 3, 8, 8], strides: [192, 1, 24, 3], dtype: "float32" });
    expect(forward?.inputs[1]).toEqual({ shape: [4, 3, 3, 3], strides: [27, 9, 3, 1], dtype: "float32" });
    expect(forward?.inputs.slice(2)).toEqual([null, [1, 1], [1, 1], [1, 1], false, [0, 0], 1]);

    const [backward, ...others] = named(calls, "aten::convolution_backward");
    expect(others).toEqual([]);
    expect(noteOf(backward?.inputs[0]).shape).toEqual([2, 4, 8, 8]);
    expect(backward?.inputs.at(-1), "only the weight wants a gradient").toEqual([false, true, false]);
    expect(calls[backward?.parent as number]?.name).toMatch(/ConvolutionBackward0/);
  });
});

test("times are own times: calls inside are not counted twice", () => {
  scope(() => {
    const [x, w] = [randn([8, 64, 32, 32], random), randn([64, 64, 3, 3], random)];
    const start = performance.now();
    const { calls } = noGrad(() => recordOperators(() => conv2d(x, w, null, 1)));
    const wall = (performance.now() - start) / 1000;
    const total = calls.reduce((sum, { seconds }) => sum + seconds, 0);
    expect(calls.every(({ seconds }) => seconds >= 0)).toBe(true);
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThanOrEqual(wall);
    // conv2d only hands the work on to the operators inside it.
    const [outer] = named(calls, "aten::conv2d");
    expect(outer?.parent).toBeNull();
    expect(outer?.seconds).toBeLessThan(total / 2);
  });
});

test("nothing is noted after the end, and a new recording begins empty", () => {
  scope(() => {
    const x = image();
    const first = recordOperators(() => x.add(1)).calls;
    x.mul(2);
    const second = recordOperators(() => x.sub(1)).calls;
    expect(named(first, "aten::add.Tensor")).toHaveLength(1);
    expect(named(second, "aten::mul.Tensor")).toEqual([]);
    expect(named(second, "aten::add.Tensor")).toEqual([]);
    expect(named(second, "aten::sub.Tensor")).toHaveLength(1);
  });
});

test("lists, missing tensors, numbers and overloads are noted", () => {
  scope(() => {
    const cat = operator<[ReturnType<typeof image>[], number], ReturnType<typeof image>>("aten::cat");
    const [a, b] = [randn([2, 3], random, "float64"), randn([1, 3], random, "float64")];
    const { calls } = recordOperators(() => cat([a, b], 0));
    expect(named(calls, "aten::cat")[0]?.inputs).toEqual([
      [
        { shape: [2, 3], strides: [3, 1], dtype: "float64" },
        { shape: [1, 3], strides: [3, 1], dtype: "float64" },
      ],
      0,
    ]);
  });
});

test("recordings do not nest; an error inside ends the recording", () => {
  const nested = () => recordOperators(() => recordOperators(() => 1));
  expect(nested).toThrow(TorchError);
  expect(nested).toThrow("operators are being recorded already in this process");
  expect(recordOperators(() => 2).result).toBe(2);
});
