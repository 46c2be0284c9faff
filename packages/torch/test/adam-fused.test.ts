// Adam in one pass over float32 parameters, and of ATen operators in float64: layouts, many elements, copies, versions.
import { describe, expect, test } from "vitest";
import {
  Adam,
  type AdamOptions,
  type DType,
  dtypeCode,
  empty,
  fused,
  getThreads,
  grad,
  memory,
  noGrad,
  scope,
  setThreads,
  type Tensor,
  tensor,
  WeightCopies,
} from "../src/index.ts";
import { expectClose, values } from "./support/close.ts";
import { normal } from "./support/differences.ts";

const settings: AdamOptions[] = [
  { learningRate: 0.001, beta1: 0, beta2: 0.99, epsilon: 1e-8 },
  { learningRate: 0.1, beta1: 0, beta2: 0.9, epsilon: 0.5 },
  { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 0.5 },
];

/** Numbers as Adam of the paper moves them, one by one in float64. */
class PlainAdam {
  private readonly options: AdamOptions;
  private readonly m: number[];
  private readonly v: number[];
  private t = 0;
  readonly values: number[];
  /** The farthest any number went. */
  travelled = 0;
  constructor(options: AdamOptions, start: number[]) {
    this.options = options;
    this.values = start;
    this.m = start.map(() => 0);
    this.v = start.map(() => 0);
  }
  step(gradients: readonly number[]): void {
    const { learningRate, beta1, beta2, epsilon } = this.options;
    this.t++;
    let farthest = 0;
    for (const [i, gradient] of gradients.entries()) {
      const m = beta1 * (this.m[i] as number) + (1 - beta1) * gradient;
      const v = beta2 * (this.v[i] as number) + (1 - beta2) * gradient ** 2;
      [this.m[i], this.v[i]] = [m, v];
      const corrected = Math.sqrt(v / (1 - beta2 ** this.t)) + epsilon;
      const move = (learningRate * (m / (1 - beta1 ** this.t))) / corrected;
      this.values[i] = (this.values[i] as number) - move;
      farthest = Math.max(farthest, Math.abs(move));
    }
    this.travelled += farthest;
  }
}

// A scalar, an odd vector, a matrix of more than one piece (65536), an image kernel laid out channels last.
const shapes: Record<string, number[]> = { one: [1], vector: [37], large: [257, 256], kernel: [5, 7, 3, 3] };
const names = Object.keys(shapes);
const shapeOf = (name: string) => shapes[name] as number[];
/** The step at which each joins: it counts its own. */
const joins: Record<string, number> = { one: 0, vector: 2, large: 0, kernel: 1 };

const begin = (dtype: DType) =>
  new Map(
    names.map((name, i) => {
      const start = normal(i + 1, shapeOf(name))
        .to("float32")
        .to(dtype);
      return [name, name === "kernel" ? start.contiguous("channelsLast") : start] as const;
    }),
  );

describe.each(["float32", "float64"] as const)("%s", (dtype) => {
  test.each(settings)("six steps of mixed parameters equal Adam on single numbers: %o", (options) => {
    scope(() => {
      const adam = new Adam(options);
      const parameters = begin(dtype);
      const plain = new Map([...parameters].map(([name, value]) => [name, new PlainAdam(options, values(value))]));
      for (let step = 0; step < 6; step++) {
        const now = names.filter((name) => (joins[name] as number) <= step);
        // Row-major, also that of the kernel.
        const gradients = now.map((name, i) =>
          normal(100 + 10 * step + i, shapeOf(name))
            .to("float32")
            .to(dtype),
        );
        adam.step(new Map(now.map((name) => [name, parameters.get(name) as Tensor])), gradients);
        for (const [i, name] of now.entries()) plain.get(name)?.step(values(gradients[i] as Tensor));
      }
      const u = dtype === "float32" ? 2 ** -24 : 2 ** -53;
      for (const [name, value] of parameters) {
        const { values: expected, travelled } = plain.get(name) as PlainAdam;
        // Each step rounds the number, up to 6, and each move is a dozen roundings; beta2 itself is rounded by u, which in
        // 1 - beta2 weighs 1 / (1 - beta2) times as much, half of it under the root.
        const allowed = 6 * 6 * u + travelled * (12 + 0.5 / (1 - options.beta2)) * u;
        expectClose(value, expected, allowed);
        expect(adam.state.get(name)?.step).toBe(6 - (joins[name] as number));
      }
      adam.dispose();
    });
  });

  test("where its gradient lies changes nothing, to the bit", () => {
    scope(() => {
      const results = (["contiguous", "channelsLast"] as const).map((format) => {
        const parameters = begin(dtype);
        const adam = new Adam(settings[2] as AdamOptions);
        for (let step = 0; step < 2; step++) {
          const gradients = names.map((name, i) => normal(50 + i + step, shapeOf(name)).to(dtype));
          adam.step(
            parameters,
            gradients.map((gradient) => (gradient.shape.length === 4 ? gradient.contiguous(format) : gradient)),
          );
        }
        return [...parameters.values()].map(values);
      });
      expect(results[1]).toEqual(results[0]);
    });
  });

  test("what autograd saved of a parameter is not used after a step: its way back throws", () => {
    scope(() => {
      const weight = normal(1, [4]).to(dtype).requiresGrad_();
      const y = weight.square().sum();
      const adam = new Adam(settings[0] as AdamOptions);
      adam.step(new Map([["weight", weight]]), [normal(2, [4]).to(dtype)]);
      expect(() => grad(y, [weight])).toThrow(/^[^\n]*modified by an inplace operation[^\n]*$/);
      expect(weight.requiresGrad).toBe(true);
      // A graph made afterwards is sound.
      const [gradient] = grad(weight.square().sum(), [weight]) as [Tensor];
      expect(values(gradient)).toEqual(values(weight.detach().mul(2)));
    });
  });
});

test("the number of threads changes nothing, to the bit", () => {
  const before = getThreads();
  const results = [1, 2, 3].map((threads) => {
    setThreads(threads);
    return scope(() => {
      const parameters = begin("float32");
      const adam = new Adam(settings[2] as AdamOptions);
      for (let step = 0; step < 3; step++) {
        adam.step(
          parameters,
          names.map((name, i) => normal(50 + i + step, shapeOf(name)).to("float32")),
        );
      }
      return [...parameters.values()].map((value) => value.toFloat32Array());
    });
  });
  setThreads(before);
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});

test("a NaN in a gradient stays in its own number", () => {
  scope(() => {
    const weight = normal(1, [40]).to("float32");
    const gradient = normal(2, [40]).to("float32");
    (gradient.view() as Float32Array)[17] = Number.NaN;
    new Adam(settings[2] as AdamOptions).step(new Map([["weight", weight]]), [gradient]);
    expect(values(weight).flatMap((value, i) => (Number.isNaN(value) ? [i] : []))).toEqual([17]);
  });
});

describe("copies", () => {
  const bits = (x: Tensor) => Buffer.from(x.toTypedArray().buffer);

  const scales = { one: 0.5, vector: 1, large: 0.037, kernel: 1.7 } as Record<string, number>;

  test.each(["float32", "bfloat16"] as const)("%s: the new parameter times its scale, to the bit", (copyDtype) => {
    scope(() => {
      const parameters = begin("float32");
      const copies = new WeightCopies();
      const make = (name: string) => () =>
        fused.scaled(parameters.get(name) as Tensor, scales[name] as number, dtypeCode(copyDtype));
      // The vector has no copy.
      const copied = names.filter((name) => name !== "vector");
      const held = new Map(
        copied.map((name) => [
          name,
          copies.of(parameters.get(name) as Tensor, "test", scales[name] as number, make(name)),
        ]),
      );
      for (const options of [settings[0], settings[2]] as AdamOptions[]) {
        const adam = new Adam(options);
        for (let step = 0; step < 3; step++) {
          adam.step(
            parameters,
            names.map((name, i) => normal(50 + i + step, shapeOf(name)).to("float32")),
            copies,
          );
          for (const [name, copy] of held) {
            // The product in float32, and once more to bfloat16 where the copy is that.
            const expected = (parameters.get(name) as Tensor).mul(scales[name] as number).to(copyDtype);
            expect(copy.dtype).toBe(copyDtype);
            expect(bits(copy).equals(bits(expected)), name).toBe(true);
          }
        }
        adam.dispose();
      }
      copies.dispose();
    });
  });

  test("they change nothing about the parameters, to the bit", () => {
    scope(() => {
      const run = (copies?: WeightCopies) => {
        const parameters = begin("float32");
        for (const [name, value] of parameters) {
          copies?.of(value, name, 0.3, () =>
            fused.scaled(value, 0.3, dtypeCode(name === "one" ? "float32" : "bfloat16")),
          );
        }
        new Adam(settings[2] as AdamOptions).step(
          parameters,
          names.map((name, i) => normal(50 + i, shapeOf(name)).to("float32")),
          copies,
        );
        return [...parameters.values()].map(values);
      };
      expect(run(new WeightCopies())).toEqual(run());
    });
  });

  test("a graph that saved a copy does not use it after a step: its way back throws", () => {
    scope(() => {
      const weight = normal(1, [4]).to("float32").requiresGrad_();
      const copies = new WeightCopies();
      const copy = copies.of(weight, "float32", 0.5, () => fused.scaled(weight, 0.5, dtypeCode("float32")));
      const x = normal(2, [4]).to("float32").requiresGrad_();
      const y = x.mul(fused.prepared(weight, copy, 0.5)).sum();
      new Adam(settings[0] as AdamOptions).step(new Map([["weight", weight]]), [normal(3, [4]).to("float32")], copies);
      expect(() => grad(y, [x])).toThrow(/modified by an inplace operation/);
    });
  });
});

describe("refused in one line, nothing moved", () => {
  const [p, g] = [normal(1, [3]).to("float32"), normal(2, [3]).to("float32")];
  const moment = () => normal(3, [3]).square().to("float32");
  const rates = tensor(Float32Array.of(0.1, 1), [1, 2]);
  type Arguments = Parameters<typeof fused.adam_>;
  const good = (): Arguments => [[p], [g], [moment()], [moment()], [empty([0])], [1], rates, 0.5, 0.9, 1e-8];

  const cases: [string, Partial<Record<number, Arguments[number]>>, RegExp][] = [
    ["fewer gradients", { 1: [] }, /lists of one length/],
    ["no first moments", { 2: [] }, /lists of one length/],
    ["first moments at beta1 = 0", { 7: 0 }, /lists of one length/],
    ["fewer second moments", { 3: [] }, /lists of one length/],
    ["fewer copies", { 4: [] }, /lists of one length/],
    ["more scales", { 5: [1, 1] }, /lists of one length/],
    ["rates of another count", { 6: tensor(new Float32Array(4), [2, 2]) }, /rates float32\[1, 2\]/],
    ["rates of another dtype", { 6: rates.to("float64") }, /rates float32\[1, 2\]/],
    ["a gradient of another shape", { 1: [normal(1, [4]).to("float32")] }, /its gradient \[4\]/],
    ["a gradient of another dtype", { 1: [g.to("float64")] }, /must be float32/],
    ["a moment of another shape", { 3: [normal(1, [4]).to("float32")] }, /laid out alike/],
    ["a copy of another shape", { 4: [normal(1, [4]).to("float32")] }, /laid out alike/],
    ["a copy of another dtype", { 4: [g.to("float64")] }, /copies are float32 or bfloat16/],
  ];
  test.each(cases)("%s", (_, changes, message) => {
    const before = values(p);
    const given = good().map((value, i) => (i in changes ? changes[i] : value)) as Arguments;
    let thrown: unknown;
    try {
      fused.adam_(...given);
    } catch (error) {
      thrown = error;
    }
    expect(String((thrown as Error | undefined)?.message)).toMatch(message);
    expect(String((thrown as Error).message)).toMatch(/^pioneer::adam_: [^\n]*$/);
    expect(values(p)).toEqual(before);
  });

  test("a moment in another order", () => {
    const kernel = normal(1, [2, 3, 2, 2]).to("float32").contiguous("channelsLast");
    const rows = () => normal(2, [2, 3, 2, 2]).to("float32");
    expect(() => fused.adam_([kernel], [rows()], [], [rows()], [empty([0])], [1], rates, 0, 0.9, 1e-8)).toThrow(
      /laid out alike/,
    );
  });
});

test("what a step makes on its way is freed", () => {
  const adam = new Adam(settings[0] as AdamOptions);
  const kernel = tensor(new Float32Array(24).fill(1), [2, 3, 2, 2]).contiguous("channelsLast");
  const gradient = noGrad(() => normal(1, [2, 3, 2, 2]).to("float32"));
  adam.step(new Map([["kernel", kernel]]), [gradient]);
  const before = memory();
  for (let i = 0; i < 5; i++) adam.step(new Map([["kernel", kernel]]), [gradient]);
  expect(memory()).toEqual(before);
  adam.dispose();
});
