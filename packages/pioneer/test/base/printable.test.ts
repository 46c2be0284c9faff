import { expect, test } from "vitest";
import { printable, quoted } from "../../src/base/printable.ts";

test("text stays as it is, in any script", () => {
  const text = "Ærø/été 東京 😀 e\u0301 \u00a0 \\u{1b} tab-less";
  expect(printable(text)).toBe(text);
});

test("what would forge a line, move the cursor or turn the writing is shown by its number", () => {
  expect(printable("a\nnext: rm")).toBe("a\\u{a}next: rm");
  expect(printable("\x1b]0;title\x07\x1b[2J")).toBe("\\u{1b}]0;title\\u{7}\\u{1b}[2J");
  expect(printable("\u009b31m\u007f\r\t")).toBe("\\u{9b}31m\\u{7f}\\u{d}\\u{9}");
  expect(printable("gnp.\u202etxt\u2066\u2028\u200f\ufeff")).toBe(
    "gnp.\\u{202e}txt\\u{2066}\\u{2028}\\u{200f}\\u{feff}",
  );
  expect(printable("half \ud83d")).toBe("half \\u{d83d}");
});

test("values of a message are quoted, and cut where they are long", () => {
  expect(quoted("left")).toBe('"left"');
  expect(quoted([1, "a\n"])).toBe('[1,"a\\n"]');
  expect(quoted("[".repeat(2000))).toBe(`"${"[".repeat(59)}...`);
  expect(quoted(undefined)).toBe("undefined");
});
