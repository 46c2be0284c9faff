import { expect, test } from "vitest";
import { helpOf, number, oneOf, option, positive, share, toggle, whole } from "../../src/config/option-schema.ts";
import { resumeRules, trainSchema } from "../../src/config/train-options.ts";

test.each([
  [option(whole(2).default(8), { description: "steps" }), "steps, from 2; default 8"],
  [
    option(whole(2, 64).optional(), { description: "steps", note: "few", default: "all" }),
    "steps, from 2 to 64; few; default: all",
  ],
  [
    option(number(0, 1).default(1), { description: "alpha", default: "as ever" }),
    "alpha, from 0 to 1; default 1 as ever",
  ],
  [option(positive(1).default(0.5), { description: "rate" }), "rate, above 0, at most 1; default 0.5"],
  [option(share().optional(), { description: "decay" }), "decay, from 0, below 1"],
  [
    option(oneOf(["a", "b", "c"], { b: "the best" }).default("a"), { description: "kind" }),
    "kind: a, b (the best) or c; default a",
  ],
  [option(toggle().default(false), { description: "replace it" }), "replace it"],
])("a line of the help: %#", (schema, line) => {
  expect(helpOf(schema).line).toBe(line);
});

test("every option of train says what may be done with it when a run goes on", () => {
  expect(Object.keys(resumeRules)).toEqual(Object.keys(trainSchema.shape));
  for (const rule of Object.values(resumeRules)) expect(rule).toMatch(/^(fixed|free|told|grows|session)$/);
});
