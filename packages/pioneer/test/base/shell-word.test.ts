import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "../../src/base/shell-word.ts";

test("a word comes out of a shell as it went in, and plain ones stay as they are", () => {
  expect(["runs/mine", "a-b_c.pack", "s=1"].map(shellWord)).toEqual(["runs/mine", "a-b_c.pack", "s=1"]);
  for (const word of ["my faces", "it's", '$HOME `x` "y" \\', "ä b", "a;b", "", "*", "line\nend"]) {
    expect(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" })).toBe(word);
  }
});
