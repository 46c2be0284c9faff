import { expect, test } from "vitest";
import { formatDuration, formatKimg, formatRate } from "../../src/base/format.ts";

test("durations, thousands of images and rates are rounded as people read them", () => {
  expect([0, 59.4, 59.6, 3599, 3600, 172_799, 172_800, 273_600, Number.POSITIVE_INFINITY].map(formatDuration)).toEqual([
    "0 s",
    "59 s",
    "1 min",
    "1 h 00 min",
    "1 h 00 min",
    "2 d 0 h",
    "2 d 0 h",
    "3 d 4 h",
    "?",
  ]);
  expect([0, 128, 99_994, 100_400, 2_400_000].map(formatKimg)).toEqual(["0", "0.13", "99.99", "100", "2400"]);
  expect([0.01234, 7.126, 4321].map(formatRate)).toEqual(["0.0123", "7.13", "4320"]);
});
