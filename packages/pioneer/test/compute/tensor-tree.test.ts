import { scope, tensor } from "pioneer-torch";
import { expect, test } from "vitest";
import { mapTensors, tensorsIn } from "../../src/compute/tensor-tree.ts";

const one = (value: number) => tensor([value]);

test("tensors are found by their places, at any depth, and mapped where they are", () => {
  scope(() => {
    const tree = { x: one(1), z: [one(2), one(3)], trades: { stored: one(4), more: [{ deep: one(5) }] }, none: {} };
    const values = [...tensorsIn(tree)].map(([place, found]) => [place, found.item()]);
    expect(values).toEqual([
      ["x", 1],
      ["z.0", 2],
      ["z.1", 3],
      ["trades.stored", 4],
      ["trades.more.0.deep", 5],
    ]);
    const tenfold = mapTensors(tree, (found) => found.mul(10));
    expect(tenfold.trades.more[0]?.deep.item()).toBe(50);
    expect([...tensorsIn(tenfold).keys()]).toEqual([...tensorsIn(tree).keys()]);
    expect(tree.x.item()).toBe(1);
  });
});

test.each<[string, object]>([
  ["a.1 is 7", { a: [one(1), 7] }],
  ["b is undefined", { b: undefined }],
  ["c.d is null", { c: { d: null } }],
  ["e is [object Map]", { e: new Map([["x", 1]]) }],
])("%s: what holds no tensors is refused, not passed over", (message, tree) => {
  expect(() => tensorsIn(tree)).toThrow(
    new TypeError(`${message}: only tensors, and objects and arrays of them, can be here`),
  );
  expect(() => mapTensors(tree, (found) => found)).toThrow(TypeError);
});
