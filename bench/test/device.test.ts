import { scope, tensor } from "pioneer-torch";
import { expect, test } from "vitest";
import { describeChecks, differenceOf } from "../src/device.ts";

const of = (...values: number[]) => tensor(Float32Array.from(values), [values.length]);

test("what a device gives is judged by its largest difference, and NaN, other shapes and dtypes are never alike", () => {
  scope(() => {
    expect(differenceOf(of(1, -4, 0.5), of(1, -4, 0))).toBe(0.125);
    expect(differenceOf(of(0, 0), of(0, 0))).toBe(0);
    expect(differenceOf(of(Number.NaN, 1), of(1, 1))).toBe(Number.POSITIVE_INFINITY);
    expect(differenceOf(of(1, 1).reshape([1, 2]), of(1, 1))).toBe(Number.POSITIVE_INFINITY);
    expect(differenceOf(of(1, 1).to("bfloat16"), of(1, 1))).toBe(Number.POSITIVE_INFINITY);
  });
});

test("a check that fails is named, with what was found or why there is nothing", () => {
  const far = { name: "fade", ok: false, error: 0.5, allowed: 0.25 };
  const none = { ...far, name: "scaled", why: "no kernel" };
  expect(describeChecks([far, none])).toBe("FAILED fade: 5.0e-1 of 2.5e-1\nFAILED scaled: no kernel\n2 FAILED");
  expect(describeChecks([{ ...far, ok: true }])).toContain("ok     fade");
});
