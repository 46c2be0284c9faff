// What a network's file and the options may say of the pictures it takes; pictures by hand as each kind of network wants them.
import { scope, type Tensor, tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { adapt, choosePorts, type PortOptions, trialPictures } from "../../src/onnx/network-ports.ts";
import type { Port } from "../../src/onnx/protocol.ts";

const options: PortOptions = { flag: "--features", inputs: 1, range: "0..1" };
const images = (shape: Port["shape"], type = "float32"): Port => ({ name: "images", type, shape });
const output: Port = { name: "features", type: "float32", shape: ["N", 8] };
const chosen = (input: Port, more: Partial<PortOptions> = {}, metadata: Record<string, string> = {}) =>
  choosePorts(
    "net.onnx",
    { inputs: [input], outputs: [output], metadata: new Map(Object.entries(metadata)) },
    { ...options, ...more },
  );

describe("ports", () => {
  test.each<[string, Port, object]>([
    ["planes of any size", images(["N", 3, "H", "W"]), { layout: "planes", size: undefined, batch: undefined }],
    ["planes of one size, one at a time", images([1, 3, 299, 224]), { layout: "planes", size: [299, 224], batch: 1 }],
    ["channels last", images([-1, 64, 64, 3]), { layout: "interleaved", size: [64, 64], batch: undefined }],
    ["bytes, whatever the range", images(["N", 64, 64, 3], "uint8"), { bytes: true, range: "0..255" }],
  ])("%s", (_, input, expected) => {
    expect(chosen(input)).toMatchObject({ input: expected, output: "features" });
  });

  test("an option wins over the file, the file over what is usual", () => {
    const input = images(["N", 3, 8, 8]);
    expect(chosen(input, { range: undefined }, { "pioneer.range": "imagenet" }).input.range).toBe("imagenet");
    expect(chosen(input, {}, { "pioneer.range": "imagenet" }).input.range).toBe("0..1");
    expect(chosen(input).input.channels).toBe("rgb");
    expect(chosen(input, {}, { "pioneer.channels": "bgr" }).input.channels).toBe("bgr");
  });

  test.each<[string, Port, Partial<PortOptions>, Record<string, string>, string]>([
    [
      "batches of exactly 8",
      images([8, 3, 8, 8]),
      {},
      {},
      "takes batches of exactly 8 images: export it with a dynamic batch, or with 1",
    ],
    [
      "whole numbers",
      images(["N", 3, 8, 8], "int64"),
      {},
      {},
      "takes images: int64[N, 3, 8, 8]: float32 or uint8 is needed",
    ],
    ["no picture", images(["N", 3]), {}, {}, "takes images: float32[N, 3]: a network of colour images"],
    [
      "a range nobody knows",
      images(["N", 3, 8, 8]),
      { range: undefined },
      { "pioneer.range": "0..2" },
      "says pioneer.range = 0..2, which is not known: give --features-range -1..1|0..1|0..255|imagenet",
    ],
    [
      "another output",
      images(["N", 3, 8, 8]),
      { layer: "fc" },
      {},
      "has no output fc; give --features-layer one of features",
    ],
  ])("%s: refused with the mend", (_, input, more, metadata, line) => {
    expect(() => chosen(input, more, metadata)).toThrow(`--features net.onnx ${line}`);
    expect(() => chosen(input, more, metadata)).toThrow(ConfigError);
  });
});

describe("pictures", () => {
  // One picture of 1x2 pixels: red, green, blue planes.
  const pixels = [0, 255, 51, 102, 255, 0];
  const adapted = (how: Partial<Parameters<typeof adapt>[1]>) => {
    const layout = { bytes: false, size: undefined, range: "0..255", channels: "rgb", layout: "planes" } as const;
    return scope(() => {
      const made: Tensor = adapt(tensor(Float32Array.from(pixels), [1, 3, 1, 2]), { ...layout, ...how });
      return { shape: made.shape, values: [...made.contiguous().toFloat32Array()] };
    });
  };
  const expectValues = (values: number[], expected: number[]) => {
    expect(values).toHaveLength(expected.length);
    // Values up to 3, two roundings of 2^-24 of them each.
    for (const [i, value] of expected.entries()) expect(Math.abs((values[i] as number) - value)).toBeLessThan(1e-6);
  };

  test("each range", () => {
    expect(adapted({}).values).toEqual(pixels);
    expectValues(adapted({ range: "0..1" }).values, [0, 1, 0.2, 0.4, 1, 0]);
    expectValues(adapted({ range: "-1..1" }).values, [-1, 1, -0.6, -0.2, 1, -1]);
    const imagenet = (channel: number, value: number) =>
      (value - ([0.485, 0.456, 0.406][channel] as number)) / ([0.229, 0.224, 0.225][channel] as number);
    const expected = [0, 1, 0.2, 0.4, 1, 0].map((value, i) => imagenet(i >> 1, value));
    expectValues(adapted({ range: "imagenet" }).values, expected);
    // Blue first: each channel keeps its own mean and deviation.
    const blueFirst = [4, 5, 2, 3, 0, 1].map((at) => expected[at] as number);
    expectValues(adapted({ range: "imagenet", channels: "bgr" }).values, blueFirst);
  });

  test("blue first, and channels last", () => {
    expect(adapted({ channels: "bgr" }).values).toEqual([255, 0, 51, 102, 0, 255]);
    const last = adapted({ layout: "interleaved" });
    expect(last).toEqual({ shape: [1, 1, 2, 3], values: [0, 51, 255, 255, 102, 0] });
    expect(adapted({ layout: "interleaved", channels: "bgr" }).values).toEqual([255, 51, 0, 0, 102, 255]);
  });

  test("another size is made, the same one is left alone", () => {
    expect(adapted({ size: [4, 6] }).shape).toEqual([1, 3, 4, 6]);
    expect(adapted({ size: [1, 2] }).values).toEqual(pixels);
  });

  test("those for trying a network differ from each other, and from the flat ones", () => {
    const [two, flat] = trialPictures(8, 12);
    expect([two.shape, flat.shape]).toEqual([
      [2, 3, 8, 12],
      [2, 3, 8, 12],
    ]);
    const values = two.toFloat32Array();
    const half = values.length / 2;
    expect(values.subarray(0, half)).not.toEqual(values.subarray(half));
    expect(new Set(flat.toFloat32Array()).size).toBe(1);
    expect(Math.max(...values)).toBeLessThanOrEqual(255);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    for (const each of [two, flat]) each.dispose();
  });
});
