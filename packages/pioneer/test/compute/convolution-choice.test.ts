// The choice as a function of times.
import { describe, expect, test } from "vitest";
import { choosePhase, type LayerTimes, type LayerUse, layerName } from "../../src/compute/convolution-choice.ts";

const layer = (into: number) => ({ into, out: 8, side: 4, enlarging: false });
const use = (into: number): LayerUse => ({ layer: layer(into), forward: 4, toData: 3, toWeights: 2 });
const all = (seconds: number) => ({ forward: seconds, toData: seconds, toWeights: seconds });
const both = ["fp32", "bf16"] as const;

/** Of two layers, 1 and 2 channels wide, with these times. */
const choose = (narrow: LayerTimes, wide: LayerTimes, precisions: readonly ("fp32" | "bf16")[] = both) =>
  choosePhase([use(1), use(2)], ({ into }) => (into === 1 ? narrow : wide), precisions);

test("a layer's name says channels, size and whether it enlarges", () => {
  expect(layerName({ into: 512, out: 256, side: 32, enlarging: false })).toBe("512>256 32x32");
  expect(layerName({ into: 512, out: 256, side: 32, enlarging: true })).toBe("512>256 32x32 enlarged");
});

test("each layer takes its fastest form, and the phase the precision in which all layers together are fastest", () => {
  const choice = choose(
    { "fp32 direct": all(1), "fp32 winograd": all(3), "bf16 direct": all(2), "bf16 winograd": all(9) },
    { "fp32 direct": all(8), "fp32 winograd": all(10), "bf16 direct": all(4), "bf16 winograd": all(3) },
  );
  // 9 passes: float32 81 s, bfloat16 18 + 27 s.
  expect(choice).toMatchObject({ precision: "bf16", convolutions: { "2>8 4x4": "winograd" }, choosable: 2 });
  expect(choice.imagesPerSecond).toBeCloseTo(1 / 45, 12);
  expect(choice.speeds.map(({ way }) => way)).toEqual(["bf16 direct", "fp32 direct", "bf16 winograd", "fp32 winograd"]);
  expect(choice.speeds[0]?.imagesPerSecond).toBeCloseTo(1 / 54, 12);
});

test("each pass of a layer takes its own fastest form; taps is one of the gradient to weights", () => {
  const times: LayerTimes = {
    "fp32 direct": { forward: 1, toData: 4, toWeights: 9 },
    "fp32 winograd": { forward: 2, toData: 3, toWeights: 6 },
    "fp32 taps": { forward: 0.1, toData: 0.1, toWeights: 5 },
  };
  const choice = choose(times, { "fp32 direct": all(1), "fp32 taps": all(0.5) }, ["fp32"]);
  expect(choice.convolutions).toEqual({
    "1>8 4x4": { forward: "direct", toData: "winograd", toWeights: "taps" },
    "2>8 4x4": "taps",
  });
  // 4 + 9 + 10 s, and 4 + 3 + 1 s: passes count as often as an image goes through them.
  expect(choice.imagesPerSecond).toBeCloseTo(1 / 31, 12);
});

test("an enlarging layer has one form for all passes, the fastest of all together", () => {
  const uses = [{ ...use(1), layer: { ...layer(1), enlarging: true } }];
  const chosen = (toWeights: number) =>
    choosePhase(uses, () => ({ "fp32 direct": all(1), "fp32 winograd": { forward: 0.5, toData: 0.5, toWeights } }), [
      "fp32",
    ]).convolutions;
  // 9 s against 2 + 1.5 + 5 s.
  expect(chosen(2.5)).toEqual({ "1>8 4x4 enlarged": "winograd" });
  expect(chosen(3)).toEqual({});
});

test("a layer that both networks have counts once among those with a choice", () => {
  const times: LayerTimes = { "fp32 direct": all(2), "fp32 winograd": all(1) };
  expect(choosePhase([use(1), use(1)], () => times, ["fp32"])).toMatchObject({ choosable: 1, imagesPerSecond: 1 / 18 });
});

describe("what is not faster by a twentieth does not win", () => {
  test("over direct convolutions", () => {
    const near = (seconds: number) => ({ "fp32 direct": all(1), "fp32 winograd": all(seconds) });
    expect(choose(near(0.96), near(0.95), ["fp32"]).convolutions).toEqual({ "2>8 4x4": "winograd" });
  });

  test("over float32, wherever in the list it stands", () => {
    const near = (seconds: number) => ({ "fp32 direct": all(1), "bf16 direct": all(seconds) });
    for (const precisions of [both, ["bf16", "fp32"] as const]) {
      expect(choose(near(0.96), near(0.96), precisions).precision).toBe("fp32");
      expect(choose(near(0.94), near(0.94), precisions).precision).toBe("bf16");
    }
  });
});

test("a layer without the other form stays direct beside those that have it, in the sums too", () => {
  const choice = choose({ "fp32 direct": all(1) }, { "fp32 direct": all(4), "fp32 winograd": all(2) }, ["fp32"]);
  expect(choice).toMatchObject({ convolutions: { "2>8 4x4": "winograd" }, choosable: 1 });
  expect(choice.speeds).toEqual([
    { way: "fp32 winograd", imagesPerSecond: 1 / 27 },
    { way: "fp32 direct", imagesPerSecond: 1 / 45 },
  ]);
});

test("where each layer may take one form alone, it does, and only what can be computed so is in the sums", () => {
  const [taps, direct]: LayerTimes[] = [
    { "fp32 taps": all(1), "bf16 taps": all(4) },
    { "fp32 direct": all(2), "bf16 direct": all(1) },
  ];
  expect(choose(taps as LayerTimes, direct as LayerTimes)).toMatchObject({
    precision: "fp32",
    convolutions: { "1>8 4x4": "taps" },
    choosable: 0,
    speeds: [
      { way: "fp32 taps", imagesPerSecond: 1 / 27 },
      { way: "bf16 taps", imagesPerSecond: 1 / 45 },
    ],
  });
});

test("a precision that a layer was not measured in is an error of the program", () => {
  expect(() => choose({ "fp32 direct": all(1) }, { "bf16 direct": all(1) })).toThrow(
    "2>8 4x4 was not measured in fp32",
  );
});
