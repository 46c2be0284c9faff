import { expect, test } from "vitest";
import { DisposedError, keep, memory, scope, type Tensor, tensor } from "../src/index.ts";
import { f64, values } from "./support/close.ts";

test("a scope frees what was made inside and passes its result on", () => {
  const before = memory().tensors;
  const x = f64([1, 2]);
  const inner: Tensor[] = [];
  const result = scope(() => {
    const doubled = x.mul(2);
    inner.push(doubled);
    return doubled.add(1);
  });
  expect(values(result)).toEqual([3, 5]);
  expect(inner[0]?.disposed).toBe(true);
  expect(x.disposed).toBe(false);
  expect(memory().tensors).toBe(before + 2);
});

test("results in arrays, maps and plain objects survive", () => {
  const before = memory().tensors;
  const result = scope(() => ({
    list: [f64([1]), [f64([2])]],
    map: new Map([["a", { deep: f64([3]) }]]),
    number: f64([4]).item(),
    nothing: null,
  }));
  expect(memory().tensors).toBe(before + 3);
  expect(values(result.list[0] as Tensor)).toEqual([1]);
  expect(values(result.map.get("a")?.deep as Tensor)).toEqual([3]);
});

test("scopes nest: an inner result belongs to the outer scope", () => {
  const before = memory().tensors;
  let inner: Tensor | undefined;
  scope(() => {
    inner = scope(() => f64([1]).add(1));
    expect(values(inner)).toEqual([2]);
    return 0;
  });
  expect(inner?.disposed).toBe(true);
  expect(memory().tensors).toBe(before);
});

test("an exception frees everything and leaves the scopes in order", () => {
  const before = memory().tensors;
  const outer = scope(() => {
    const mine = f64([1]);
    expect(() =>
      scope(() => {
        f64([2]).add(3);
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(memory().tensors).toBe(before + 1);
    return mine.add(1);
  });
  expect(values(outer)).toEqual([2]);
  expect(memory().tensors).toBe(before + 1);
});

test("an asynchronous body is refused, and its tensors are freed", () => {
  const before = memory().tensors;
  expect(() =>
    scope(() => {
      f64([1]);
      return Promise.resolve();
    }),
  ).toThrow("synchronous");
  expect(memory().tensors).toBe(before);
});

test("keep takes a tensor out of all scopes", () => {
  const before = memory().tensors;
  const kept = scope(() => scope(() => keep(f64([7])).add(0)) && keep(f64([8])));
  expect(memory().tensors).toBe(before + 2);
  expect(values(kept)).toEqual([8]);
});

test("using disposes at the end of the block, also when it throws", () => {
  const before = memory().tensors;
  let seen: Tensor | undefined;
  const block = () => {
    using x = f64([1]);
    seen = x;
    throw new Error("inside");
  };
  expect(block).toThrow("inside");
  expect(seen?.disposed).toBe(true);
  expect(memory().tensors).toBe(before);
});

test("dispose may be repeated, in a scope too; every use afterwards is a DisposedError", () => {
  const x = scope(() => {
    const early = f64([1]);
    early.dispose();
    early.dispose();
    return early;
  });
  expect(x.disposed).toBe(true);
  expect(String(x)).toBe("Tensor(disposed)");
  for (const use of [
    () => x.shape,
    () => x.dtype,
    () => x.device,
    () => x.add(1),
    () => f64([1]).add(x),
    () => x.item(),
    () => x.toTypedArray(),
    () => x.view(),
    () => x.requiresGrad,
    () => x.grad,
    () => x.fill_(1),
  ]) {
    expect(use).toThrow(DisposedError);
  }
});

test("reading values out leaves no tensor behind", () => {
  const x = tensor([1, 2, 3, 4], [2, 2]).transpose(0, 1);
  const before = memory().tensors;
  x.toTypedArray();
  x.toFloat32Array();
  x.view();
  x.sum([0]).select(0, 0).dispose();
  x.max().item();
  expect(memory().tensors).toBe(before + 3 - 1);
});

test("bytes follow the tensors; a view counts what it shows", () => {
  const before = memory().bytes;
  const x = tensor(new Float32Array(1000));
  expect(memory().bytes).toBe(before + 4000);
  const part = x.narrow(0, 0, 10);
  const wide = part.unsqueeze(0).expand([1000, 10]);
  expect(memory().bytes).toBe(before + 4000 + 40 + 40 + 4000);
  for (const t of [x, wide]) t.dispose();
  expect(values(part)).toEqual(Array.from({ length: 10 }, () => 0));
});
