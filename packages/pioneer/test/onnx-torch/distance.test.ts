// Networks of two images computed by libtorch: values and gradients against PyTorch's, values against ONNX Runtime's.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { grad, memory, noGrad, scope, type Tensor, tensor, upsampleNearest } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { OnnxNetwork } from "../../src/metrics/onnx-network.ts";
import { type DistanceOptions, ImageDistance } from "../../src/onnx-torch/distance.ts";
import { fixture } from "../support/fixture.ts";
import {
  difference,
  type Fixture,
  floats,
  int,
  meanSquare,
  type Nodes,
  network,
  pictures,
  reference,
  type Written,
  whole,
  word,
} from "./support.ts";

const folder = temporaryFolder();

const options = { flag: "--refine-lpips", resolution: 16, device: "cpu" } satisfies DistanceOptions;

function write(nodes: Nodes, written: Written = {}): string {
  const path = join(folder, `${Math.random()}.onnx`);
  writeFileSync(path, network(nodes, written));
  return path;
}

/** Values, and the gradient of their sum by the second pictures. */
function compute(path: string, a: Tensor, b: Tensor, changed: Partial<DistanceOptions> = {}) {
  const distance = ImageDistance.open(path, { ...options, ...changed });
  try {
    return scope(() => {
      const made = b.detach().requiresGrad_();
      const to = distance.to(a);
      const values = to.distance(made);
      const [gradient] = grad(values.sum(), [made]) as [Tensor];
      to.dispose();
      return { values: [...values.toFloat32Array()], gradient: [...gradient.toFloat32Array()] };
    });
  } finally {
    distance.dispose();
  }
}

/** What `evaluate --lpips` gets, which takes values from 0 to 255. */
async function byOnnxRuntime(path: string, a: Tensor, b: Tensor): Promise<number[]> {
  const runtime = await OnnxNetwork.open(path, { flag: "--lpips", inputs: 2, threads: 1 });
  try {
    const [x, y] = [a, b].map((images) => images.add(1).mul(127.5)) as [Tensor, Tensor];
    return [...(await runtime.compute(x, y)).toFloat32Array()];
  } finally {
    runtime.close();
  }
}

// Float32: sums of up to 400 products in another order give 400 · 2⁻²⁴ = 2e-5 at worst; measured 4e-7 (libtorch 1.13 against PyTorch 2.15).
const float32 = 5e-6;

describe("a network exported by torch.onnx", () => {
  const names: Fixture[] = ["lpips", "operators-12", "operators-18"];
  test.each(names)("%s: PyTorch's values and gradient", (name) => {
    const { values, gradient } = compute(fixture(`lpips/${name}.onnx`), pictures(0), pictures(1));
    expect(difference(values, reference[name].values)).toBeLessThan(float32);
    expect(difference(gradient, reference[name].gradient)).toBeLessThan(float32);
  });

  test.each(names)("%s: ONNX Runtime's values, which are those of evaluate --lpips", async (name) => {
    const path = fixture(`lpips/${name}.onnx`);
    const [a, b] = [pictures(2), pictures(3)];
    expect(difference(compute(path, a, b).values, await byOnnxRuntime(path, a, b))).toBeLessThan(float32);
  });

  test("a pair has the same distance no matter which are beside it", () => {
    const [a, b] = [pictures(0, 3), pictures(1, 3)];
    const together = compute(fixture("lpips/lpips.onnx"), a, b).values;
    const alone = compute(fixture("lpips/lpips.onnx"), a.narrow(0, 2, 1), b.narrow(0, 2, 1)).values;
    expect(difference(alone, [together[2] as number])).toBeLessThan(float32);
  });

  test("pictures as files hold them, more than pass at once; its memory is freed", () => {
    const [a, b] = [pictures(0, 40), pictures(1, 40)];
    const eightBits = (x: Tensor) =>
      Float32Array.from(x.toFloat32Array(), (v) => Math.round((v + 1) * 127.5) / 127.5 - 1);
    const [x, y] = [a, b].map((all) => tensor(eightBits(all), [40, 3, 16, 16])) as [Tensor, Tensor];
    const expected = compute(fixture("lpips/lpips.onnx"), x, y).values;
    const planes = [a, b].map((all) => all.toFloat32Array()) as [Float32Array, Float32Array];
    const before = memory();
    const distance = ImageDistance.open(fixture("lpips/lpips.onnx"), options);
    expect(difference(distance.measure(...planes), expected)).toBeLessThan(float32);
    distance.dispose();
    expect(memory()).toEqual(before);
  });

  test("what depends on the given images alone is computed once", () => {
    const distance = ImageDistance.open(fixture("lpips/lpips.onnx"), options);
    const given = pictures(0);
    const to = distance.to(given);
    const before = noGrad(() => [...to.distance(pictures(1)).toFloat32Array()]);
    // Other pixels in the same memory: a graph that looked at them again would see them.
    noGrad(() => given.fill_(0.3));
    expect(noGrad(() => [...to.distance(pictures(1)).toFloat32Array()])).toEqual(before);
    to.dispose();
    distance.dispose();
  });
});

describe("operators by hand, against ONNX Runtime", () => {
  const image = Float32Array.from({ length: 6 * 3 * 3 * 2 }, (_, i) => Math.sin(i));
  const oneSided: Nodes = ["a", "b"].map((name) => ({
    opType: "Conv",
    input: [name, "weight"],
    output: [`${name}1`],
    name,
    attribute: [whole("pads", [0, 1, 2, 0]), whole("strides", [2, 1]), whole("kernel_shape", [3, 2])],
  }));
  const cases: [string, Nodes, Written][] = [
    [
      "Conv padded on some sides",
      [...oneSided, ...meanSquare("a1", "b1")],
      { constants: [floats("weight", [6, 3, 3, 2], image)] },
    ],
    [
      "Div, Neg, Abs, GlobalMaxPool, Unsqueeze by an attribute",
      [
        { opType: "Abs", input: ["a"], output: ["a1"] },
        { opType: "Add", input: ["a1", "half"], output: ["a2"] },
        { opType: "Div", input: ["b", "a2"], output: ["q"] },
        { opType: "Neg", input: ["q"], output: ["q1"] },
        { opType: "Exp", input: ["q1"], output: ["e"] },
        { opType: "GlobalMaxPool", input: ["q1"], output: ["max"] },
        { opType: "GlobalAveragePool", input: ["e"], output: ["mean"] },
        { opType: "Sub", input: ["max", "mean"], output: ["m"] },
        { opType: "Dropout", input: ["m"], output: ["m1"] },
        { opType: "Squeeze", input: ["m1"], output: ["m2"], attribute: [whole("axes", [3, 2])] },
        { opType: "Unsqueeze", input: ["m2"], output: ["m3"], attribute: [whole("axes", [-1, 0])] },
        {
          opType: "ReduceSum",
          input: ["m3"],
          output: ["out"],
          attribute: [whole("axes", [0, 2, 3]), int("keepdims", 0)],
        },
      ],
      { constants: [floats("half", [], [0.5])], opset: 11 },
    ],
  ];
  test.each(cases)("%s", async (_, nodes, written) => {
    const path = write(nodes, written);
    const [a, b] = [pictures(2), pictures(3)];
    expect(difference(compute(path, a, b).values, await byOnnxRuntime(path, a, b))).toBeLessThan(float32);
  });

  test("a root of 0 has the slope 0, where PyTorch has NaN", () => {
    // The mean over pixels of the length of b's colours, and of a. (Behind a ReLU the NaN would not be seen.)
    const path = write(
      [
        { opType: "Mul", input: ["b", "b"], output: ["ff"] },
        { opType: "ReduceSum", input: ["ff", "one"], output: ["s"], attribute: [int("keepdims", 1)] },
        { opType: "Sqrt", input: ["s"], output: ["r"] },
        { opType: "Add", input: ["r", "a"], output: ["ra"] },
        {
          opType: "ReduceMean",
          input: ["ra"],
          output: ["out"],
          attribute: [whole("axes", [1, 2, 3]), int("keepdims", 0)],
        },
      ],
      { constants: [{ name: "one", dataType: 7, dims: [1], rawData: new Uint8Array(new BigInt64Array([1n]).buffer) }] },
    );
    const [a, zero, grey] = [0, 0, 0.5].map((value) => tensor(new Float32Array(768).fill(value), [1, 3, 16, 16]));
    expect(compute(path, a as Tensor, zero as Tensor)).toEqual({ values: [0], gradient: Array(768).fill(0) });
    const { values, gradient } = compute(path, a as Tensor, grey as Tensor);
    // √(3 · 0.25) at each pixel; each channel's slope is 0.5/√0.75, of a mean over 256 pixels.
    expect(values[0]).toBeCloseTo(Math.sqrt(0.75), 6);
    expect(gradient[0]).toBeCloseTo(0.5 / Math.sqrt(0.75) / 256, 8);
  });
});

describe("pictures reach a network as it wants them", () => {
  const plain = meanSquare("a", "b");
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [pictures(0), pictures(1)];
  const expected = (factor: number) =>
    [0, 1].map((i) => mean(a.sub(b).mul(factor).square().narrow(0, i, 1).toFloat32Array()));

  test.each([
    ["-1..1", 1],
    ["0..1", 0.5],
    ["0..255", 127.5],
  ] as const)("%s: in the file, or by the option", (range, factor) => {
    expect(difference(compute(write(plain, { range }), a, b).values, expected(factor))).toBeLessThan(1e-6);
    expect(difference(compute(write(plain, { range: "" }), a, b, { range }).values, expected(factor))).toBeLessThan(
      1e-6,
    );
  });

  test("imagenet: torchvision's deviations; bgr: the other way round", () => {
    const path = write(
      [
        { opType: "Mul", input: ["a", "mask"], output: ["a1"] },
        { opType: "Mul", input: ["b", "mask"], output: ["b1"] },
        ...meanSquare("a1", "b1"),
      ],
      // The first channel alone.
      { constants: [floats("mask", [3, 1, 1], [1, 0, 0])] },
    );
    const channel = (at: number, deviation: number) =>
      [0, 1].map(
        (i) =>
          mean(
            a
              .sub(b)
              .div(2 * deviation)
              .square()
              .narrow(0, i, 1)
              .narrow(1, at, 1)
              .toFloat32Array(),
          ) / 3,
      );
    const red = compute(path, a, b, { range: "imagenet" }).values;
    expect(difference(red, channel(0, 0.229))).toBeLessThan(1e-6);
    const blue = compute(path, a, b, { range: "imagenet", channels: "bgr" }).values;
    expect(difference(blue, channel(2, 0.225))).toBeLessThan(1e-6);
  });

  test("channels last; one pair at a time; another size", () => {
    const last = write(plain, { dims: [1, 0, 0, 3] });
    expect(difference(compute(last, a, b).values, expected(1))).toBeLessThan(1e-6);
    const large = write(plain, { dims: [0, 3, 16, 16] });
    const [a2, b2] = [a, b].map((x) => upsampleNearest(x)) as [Tensor, Tensor];
    const { values, gradient } = compute(large, a2, b2, { resolution: 32 });
    // Antialiased bilinear weights 1 3 3 1 reach into the neighbouring squares: a little softer.
    for (const [i, value] of expected(1).entries())
      expect(Math.abs((values[i] as number) / value - 1)).toBeLessThan(0.5);
    expect(gradient.length).toBe(2 * 3 * 32 * 32);
    expect(Math.hypot(...gradient)).toBeGreaterThan(1e-3);
  });
});

describe("a file that does not fit is refused in one line, before any work", () => {
  const relu = (attribute = [] as Nodes[0]["attribute"], opType = "Relu"): Nodes => [
    { opType, input: ["a"], output: ["a1"], attribute: attribute ?? [] },
    ...meanSquare("a1", "b"),
  ];
  const external = { ...floats("c", [3, 1, 1], [1, 2, 3]), rawData: new Uint8Array(), dataLocation: 1 };
  const pool = (...more: NonNullable<Nodes[0]["attribute"]>) =>
    relu([whole("kernel_shape", [2, 2]), ...more], "AveragePool");
  const withConstant = (constant: Written["constants"]): [Nodes, Written] => [
    [{ opType: "Add", input: ["a", "c"], output: ["a1"] }, ...meanSquare("a1", "b")],
    { constants: constant ?? [] },
  ];
  const cases: [string, Nodes, Written, string][] = [
    [
      "an operator",
      relu([], "HardSwish"),
      {},
      ": node n/HardSwish (HardSwish): gradients are known of the operators Abs, Add, AveragePool",
    ],
    [
      "the name of what every object has",
      relu([], "constructor"),
      {},
      ": node n/constructor (constructor): gradients are known of",
    ],
    ["a name with line breaks", relu([], "a\nb"), {}, ": node n/a b (a b): gradients are known of"],
    ["an attribute", relu([int("novel", 1)]), {}, ": node n/Relu (Relu): attribute novel is not supported"],
    [
      "auto_pad",
      pool(word("auto_pad", "SAME_UPPER")),
      {},
      ": node n/AveragePool (AveragePool): auto_pad = SAME_UPPER is not supported, only NOTSET",
    ],
    ["ceil_mode of a mean", pool(int("ceil_mode", 1)), {}, "(AveragePool): ceil_mode = 1 is not supported, only 0"],
    [
      "pads on one side",
      pool(whole("pads", [0, 0, 1, 1])),
      {},
      "(AveragePool): pads = [0, 0, 1, 1] is not supported, only the same on both sides",
    ],
    [
      "three dimensions",
      relu([whole("kernel_shape", [2, 2, 2])], "MaxPool"),
      {},
      "(MaxPool): kernel_shape = [2, 2, 2] is not supported, only 2 numbers",
    ],
    [
      "a type of attribute",
      relu([int("pads", 1), whole("kernel_shape", [2, 2])], "MaxPool"),
      {},
      "(MaxPool): attribute pads is not of the type ints",
    ],
    [
      "another domain",
      [{ opType: "Relu", domain: "com.example", input: ["a"], output: ["a1"] }, ...meanSquare("a1", "b")],
      {},
      ": node n/Relu (Relu) is of com.example, not ONNX's own",
    ],
    [
      "an old operator set",
      relu(),
      { opset: 9 },
      ": it was written for operator set 9, known are 11 to 22: export it with opset_version=17",
    ],
    [
      "a value from nowhere",
      meanSquare("a", "nowhere"),
      {},
      ": node n/Sub (Sub) takes nowhere, which nothing before it gives",
    ],
    [
      "a value made twice",
      [...meanSquare("a", "b"), { opType: "Relu", input: ["a"], output: ["d"] }],
      {},
      ": node n/Relu (Relu) gives d, which is there already",
    ],
    [
      "an output from nowhere",
      meanSquare("a", "b"),
      { outputs: ["other"] },
      ": it has an output other that no node gives",
    ],
    [
      "constants in another file",
      ...withConstant([external]),
      ": it keeps constant c in another file: export it as one (torch.onnx.export: external_data=False)",
    ],
    [
      "constants of another type",
      ...withConstant([{ ...floats("c", [3, 1, 1], [1, 2, 3]), dataType: 10 }]),
      ": it has constant c of type 10 of ONNX's numbering; float32 (1) and int64 (7) are supported",
    ],
    [
      "a shape larger than its constant",
      ...withConstant([floats("c", [3, 1_000_000, 1_000_000], [1, 2, 3])]),
      ": it is damaged, constant c of shape [3, 1000000, 1000000] has 3 elements",
    ],
    [
      "too many inputs",
      [{ opType: "Relu", input: ["a", "b"], output: ["a1"] }, ...meanSquare("a1", "b")],
      {},
      "(Relu): has 2 inputs, supported are 1",
    ],
    [
      "shapes that do not fit",
      ...withConstant([floats("c", [5, 1, 1], [1, 2, 3, 4, 5])]),
      ", of images of 16x16 pixels",
    ],
    ["no look at one image", meanSquare("a", "a"), {}, " gives out without a look at its input b"],
    [
      "values that are no pairs",
      [{ opType: "Sub", input: ["a", "b"], output: ["out"] }],
      {},
      ": it gives [2, 3, 16, 16] for 2 pairs of images, not [pairs]",
    ],
    [
      "whole numbers",
      [
        { opType: "Sub", input: ["a", "b"], output: ["d"] },
        { opType: "Shape", input: ["d"], output: ["out"] },
      ],
      {},
      ": its output out is not float32",
    ],
    [
      "bytes",
      meanSquare("a", "b"),
      { elemType: 2 },
      ": it takes bytes, to which no gradient passes: export it with float32 inputs",
    ],
    [
      "no word on its values",
      meanSquare("a", "b"),
      { range: "0..2" },
      " says pioneer.range = 0..2, which is not known: give --refine-lpips-range",
    ],
  ];
  test.each(cases)("%s", (_, nodes, written, line) => {
    const path = write(nodes, written);
    const before = memory().tensors;
    let message = "nothing was thrown";
    try {
      ImageDistance.open(path, options).dispose();
    } catch (error) {
      message = (error as Error).message;
      expect((error as { exitCode?: number }).exitCode).toBe(2);
    }
    expect(message).toContain(`--refine-lpips ${path}`);
    expect(message).toContain(line);
    expect(message).not.toContain("\n");
    expect(memory().tensors).toBe(before);
  });

  test("a network of exactly two pairs, when it is asked for three", () => {
    const shape: NonNullable<Written["constants"]>[0] = {
      name: "shape",
      dataType: 7,
      dims: [4],
      rawData: new Uint8Array(),
      int64Data: [2, 3, 16, 16],
    };
    const path = write([{ opType: "Reshape", input: ["a", "shape"], output: ["a1"] }, ...meanSquare("a1", "b")], {
      constants: [shape],
    });
    expect(compute(path, pictures(0), pictures(1)).values).toHaveLength(2);
    expect(() => compute(path, pictures(0, 3), pictures(1, 3))).toThrow(
      /^--refine-lpips .*: node n\/Reshape \(Reshape\): aten::reshape: .* of images of 16x16 pixels$/,
    );
  });

  test("a file that is none, one that is cut short, a folder, no file", () => {
    const whole = readFileSync(fixture("lpips/lpips.onnx"));
    const path = join(folder, "damaged.onnx");
    const opening = () => ImageDistance.open(path, options);
    expect(opening).toThrow(`${path}: no such file or folder; check the path`);
    expect(() => ImageDistance.open(folder, options)).toThrow(`${folder}: this is a folder; give a file name`);
    for (const bytes of [Buffer.from("not a network, but long enough to be looked at".repeat(10)), Buffer.alloc(0)]) {
      writeFileSync(path, bytes);
      expect(opening).toThrow(/damaged.onnx is not an ONNX file, or a damaged one \(.*\): export it again$/);
    }
    for (let length = 1; length < whole.length; length += 97) {
      writeFileSync(path, whole.subarray(0, length));
      let error: unknown;
      try {
        opening().dispose();
      } catch (thrown) {
        error = thrown;
      }
      expect(error, `of ${length} bytes`).toMatchObject({ code: expect.stringMatching("DATA|CONFIG") });
    }
  });

  test("a file of empty nodes takes no memory of which its length is no bound", () => {
    const path = join(folder, "many.onnx");
    // A graph of 10 million nodes without a field, two bytes each: as objects more than a gigabyte.
    const nodes = Buffer.alloc(20_000_000, Buffer.from([0x0a, 0]));
    writeFileSync(path, Buffer.concat([Buffer.from([0x3a, 0x80, 0xda, 0xc4, 0x09]), nodes]));
    expect(() => ImageDistance.open(path, options)).toThrow("(more than 1000000 parts)");
  });
});
