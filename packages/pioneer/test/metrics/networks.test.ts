// ONNX networks written by fixtures/metrics/make-networks.py, run by ONNX Runtime, against ONNX's reference implementation.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { avgPool2d, type Tensor } from "pioneer-torch";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { type NetworkOptions, OnnxNetwork } from "../../src/metrics/onnx-network.ts";
import { fixture } from "../support/fixture.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { expectClose, numbers, pictures, reference } from "./support.ts";

const folder = temporaryFolder();

const features = { flag: "--features", inputs: 1, threads: 1 } satisfies NetworkOptions;
const lpips = { flag: "--lpips", inputs: 2, threads: 1 } satisfies NetworkOptions;

/** What a network makes of pictures. */
async function compute(name: string, options: NetworkOptions, ...images: Tensor[]): Promise<number[]> {
  const network = await OnnxNetwork.open(fixture(`metrics/${name}`), options);
  try {
    const values = await network.compute(...images);
    expect(values.shape).toEqual([images[0]?.size(0), network.width]);
    const got = numbers(values);
    values.dispose();
    return got;
  } finally {
    network.close();
  }
}

// Float32 sums of 27 and 64 terms in two orders.
const float32 = 1e-5;

describe("pictures reach a network as it wants them", () => {
  test("planes in [-1, 1], as its file says", async () => {
    const images = pictures(3, 16);
    const left = await leftBehind(async () => {
      expectClose(await compute("features.onnx", features, images), reference.features.flat(), float32);
    });
    expect(left).toEqual(nothing);
  });

  test("an option takes the place of what the file does not say, or says", async () => {
    const silent = await compute("features-silent.onnx", { ...features, range: "-1..1" }, pictures(3, 16));
    expectClose(silent, reference.features.flat(), float32);
    const unit = await compute("features.onnx", { ...features, range: "0..1" }, pictures(3, 16));
    const doubled = await compute("features.onnx", features, pictures(3, 16).to("float32").div(2).add(127.5));
    expectClose(unit, doubled, float32); // x/255 is what becomes of x/2 + 127.5 in [-1, 1]
  });

  test("bytes, channels last and blue first, one of several outputs", async () => {
    const got = await compute("features-bytes.onnx", { ...features, layer: "features" }, pictures(3, 16));
    expectClose(got, reference.features_bytes.flat(), float32);
  });

  test("ImageNet's range is torchvision's normalisation", async () => {
    const x = pictures(2, 16).to("float32");
    const got = await compute("features-silent.onnx", { ...features, range: "imagenet" }, x);
    // Channel c as the network sees it, (x/255 - mean)/deviation, made of -1..1 by hand.
    const [mean, deviation] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ];
    const byHand = [0, 1, 2].map((c) =>
      x
        .narrow(1, c, 1)
        .div(255)
        .sub(mean[c] as number)
        .div(deviation[c] as number)
        .add(1)
        .mul(127.5),
    );
    const { cat } = await import("pioneer-torch");
    const expected = await compute("features-silent.onnx", { ...features, range: "-1..1" }, cat(byHand, 1));
    expectClose(got, expected, 1e-4);
  });

  test("larger ones are made smaller: of 32x32 pixels in 2x2 squares, the squares", async () => {
    const small = pictures(2, 16).to("float32");
    const { upsampleNearest } = await import("pioneer-torch");
    const large = upsampleNearest(small);
    expect(avgPool2d(large).sub(small).abs().max().item()).toBe(0);
    const [got, expected] = [
      await compute("features.onnx", features, large),
      await compute("features.onnx", features, small),
    ];
    // Antialiased bilinear weights 1 3 3 1 reach one pixel into the neighbouring squares: the same pictures, a little softer.
    for (const [i, value] of expected.entries()) expect(Math.abs((got[i] as number) - value)).toBeLessThan(0.1);
  });

  test("pairs for a distance", async () => {
    const got = await compute("distance.onnx", lpips, pictures(3, 16), pictures(3, 16, "damaged"));
    expectClose(got, reference.distance, float32);
  });
});

describe("a network that does not fit is refused in one line", () => {
  const refused: [string, string, NetworkOptions, string][] = [
    [
      "images of one channel",
      "features-grey.onnx",
      features,
      "takes images: float32[N, 1, 16, 16]: a network of colour images, [N, 3, H, W] or [N, H, W, 3], is needed",
    ],
    [
      "no word on its values",
      "features-silent.onnx",
      features,
      "does not say what values it takes: give --features-range -1..1|0..1|0..255|imagenet",
    ],
    ["several outputs", "features-bytes.onnx", features, "has 2 outputs: choose one by --features-layer map|features"],
    [
      "no such output",
      "features.onnx",
      { ...features, layer: "pool3" },
      "has no output pool3; give --features-layer one of features",
    ],
    [
      "a layer that still has places",
      "features-bytes.onnx",
      { ...features, layer: "map" },
      "gives [2, 8, 32, 32] for 2 images, not [images, features]; choose a layer after the last pooling by --features-layer",
    ],
    [
      "the same for every image",
      "features-constant.onnx",
      features,
      "gives the same for two different images: is it the right network, and features the right layer?",
    ],
    [
      "two inputs for features",
      "distance.onnx",
      features,
      "takes a: float32[N, 3, 16, 16] and b: float32[N, 3, 16, 16]: give a network with one input, a batch of images",
    ],
    [
      "one input for a distance",
      "features.onnx",
      lpips,
      "takes images: float32[N, 3, 16, 16]: give a network with two inputs, both batches of images",
    ],
  ];
  test.each(refused)("%s", async (_, name, options, line) => {
    const path = fixture(`metrics/${name}`);
    await expect(OnnxNetwork.open(path, options)).rejects.toThrow(`${options.flag} ${path} ${line}`);
  });

  test("a file that is none, and no file", async () => {
    const none = join(folder, "none.onnx");
    await expect(OnnxNetwork.open(none, features)).rejects.toThrow(`${none}: no such file or folder; check the path`);
    writeFileSync(none, "not a network, but long enough to be looked at".repeat(10));
    await expect(OnnxNetwork.open(none, features)).rejects.toThrow(/^--features .*none.onnx is not an ONNX network/);
  });
});
