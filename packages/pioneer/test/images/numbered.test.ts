import { expect, test } from "vitest";
import { numberedName } from "../../src/images/numbered.ts";

test("a name for a photo's pictures is numbered, and fits into a file system", () => {
  expect(numberedName(0, "some/where/me.at.sea.jpg")).toBe("0001-me.at.sea");
  expect(numberedName(41, `${"あ".repeat(80)}.jpg`)).toBe(`0042-${"あ".repeat(60)}`);
});
