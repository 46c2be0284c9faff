import { expect, test } from "vitest";
import { Adam, dtypeCode, fused, memory, noGrad, scope, type Tensor, WeightCopies } from "../src/index.ts";
import { values } from "./support/close.ts";
import { normal } from "./support/differences.ts";

const adam = () => new Adam({ learningRate: 0.1, beta1: 0, beta2: 0.9, epsilon: 1e-8 });
const kernel = (seed = 1) => normal(seed, [5, 3, 3, 3]).to("float32").contiguous("channelsLast").requiresGrad_();
const gradient = (seed = 2) => normal(seed, [5, 3, 3, 3]).to("float32");

/** Counts how often a copy is made. */
function counted(make: () => Tensor) {
  const counting = { made: 0, make: () => make() };
  counting.make = () => {
    counting.made++;
    return make();
  };
  return counting;
}
const scaled = (weight: Tensor, scale: number) => counted(() => fused.scaled(weight, scale, dtypeCode("bfloat16")));

test("a copy is made once while its parameter does not change, also across scopes", () => {
  const [weight, copies] = [kernel(), new WeightCopies()];
  const made = scaled(weight, 0.3);
  const first = scope(() => copies.of(weight, "bfloat16", 0.3, made.make));
  for (let i = 0; i < 3; i++) {
    scope(() => {
      expect(copies.of(weight, "bfloat16", 0.3, made.make)).toBe(first);
      weight.square().sum().dispose(); // reading is no change
    });
  }
  expect(made.made).toBe(1);
  expect(first.disposed).toBe(false);
  expect(first.requiresGrad).toBe(false);
  copies.dispose();
});

test("it is made anew after a write from outside, of any kind, and the old one is freed", () => {
  const [weight, copies] = [kernel(), new WeightCopies()];
  const made = scaled(weight, 0.3);
  let held = copies.of(weight, "bfloat16", 0.3, made.make);
  const writes = [
    () => weight.mul_(2),
    () => weight.copy_(gradient()),
    () => weight.fill_(3),
    () => weight.detach().add_(gradient()),
  ];
  for (const [i, write] of writes.entries()) {
    noGrad(() => scope(() => void write()));
    const next = copies.of(weight, "bfloat16", 0.3, made.make);
    expect(made.made).toBe(i + 2);
    expect(held.disposed).toBe(true);
    expect(values(next.to("float32"))).toEqual(values(weight.detach().mul(0.3).to("bfloat16").to("float32")));
    held = next;
  }
  copies.dispose();
});

test("another scale is another copy", () => {
  const [weight, copies] = [kernel(), new WeightCopies()];
  copies.of(weight, "bfloat16", 0.3, scaled(weight, 0.3).make);
  const made = scaled(weight, 0.5);
  const copy = copies.of(weight, "bfloat16", 0.5, made.make);
  expect(made.made).toBe(1);
  expect(values(copy.to("float32"))).toEqual(values(weight.detach().mul(0.5).to("bfloat16").to("float32")));
  copies.dispose();
});

test("so is what is made in another way", () => {
  const [weight, copies] = [kernel(), new WeightCopies()];
  const first = copies.of(weight, "bfloat16", 0.3, scaled(weight, 0.3).make);
  const made = counted(() => fused.scaled(weight, 0.3, dtypeCode("float32")));
  expect(copies.of(weight, "float32", 0.3, made.make).dtype).toBe("float32");
  expect(made.made).toBe(1);
  expect(first.disposed).toBe(true);
  copies.dispose();
});

test("Adam writes it along with the parameter: not made anew, and equal to the parameter times its scale", () => {
  scope(() => {
    const [weight, copies, optimiser] = [kernel(), new WeightCopies(), adam()];
    const made = scaled(weight, 0.3);
    const copy = copies.of(weight, "bfloat16", 0.3, made.make);
    for (let step = 0; step < 3; step++) {
      optimiser.step(new Map([["weight", weight]]), [gradient(step)], copies);
      expect(copies.of(weight, "bfloat16", 0.3, made.make)).toBe(copy);
      expect(copy.toTypedArray()).toEqual(weight.detach().mul(0.3).to("bfloat16").toTypedArray());
    }
    expect(made.made).toBe(1);
    // A write from outside between two steps: the next step writes the whole copy again.
    noGrad(() => weight.mul_(2));
    optimiser.step(new Map([["weight", weight]]), [gradient(9)], copies);
    expect(copies.of(weight, "bfloat16", 0.3, made.make).toTypedArray()).toEqual(
      weight.detach().mul(0.3).to("bfloat16").toTypedArray(),
    );
    optimiser.dispose();
    copies.dispose();
  });
});

test("Adam without the copies, and a folded copy that it cannot write, lead to a new one", () => {
  scope(() => {
    const [weight, copies, optimiser] = [kernel(), new WeightCopies(), adam()];
    const plain = scaled(weight, 0.3);
    copies.of(weight, "bfloat16", 0.3, plain.make);
    optimiser.step(new Map([["weight", weight]]), [gradient()]);
    copies.of(weight, "bfloat16", 0.3, plain.make);
    expect(plain.made).toBe(2);
    copies.dispose();

    const folded = counted(() => fused.upsampledKernel(weight, 0.3, dtypeCode("bfloat16")));
    copies.of(weight, "bfloat16 2x2", 0.3, folded.make);
    expect(copies.find(weight)).toBeUndefined();
    optimiser.step(new Map([["weight", weight]]), [gradient(3)], copies);
    const copy = copies.of(weight, "bfloat16 2x2", 0.3, folded.make);
    expect(folded.made).toBe(2);
    const expected = noGrad(() => fused.upsampledKernel(weight, 0.3, dtypeCode("bfloat16")));
    expect(copy.toTypedArray()).toEqual(expected.toTypedArray());
    optimiser.dispose();
    copies.dispose();
  });
});

test("each parameter has its own, and dispose frees them all", () => {
  const weights = [kernel(1), kernel(2), kernel(3)];
  const before = memory();
  const copies = new WeightCopies();
  const held = weights.map((weight, i) =>
    copies.of(weight, "bfloat16", 0.1 * (i + 1), scaled(weight, 0.1 * (i + 1)).make),
  );
  expect(new Set(held).size).toBe(3);
  expect(memory()).toEqual({ tensors: before.tensors + 3, bytes: before.bytes + 3 * 135 * 2 });
  copies.dispose();
  expect(memory()).toEqual(before);
  // Used afterwards, it begins anew.
  const made = scaled(weights[0] as Tensor, 0.1);
  copies.of(weights[0] as Tensor, "bfloat16", 0.1, made.make);
  expect(made.made).toBe(1);
  copies.dispose();
});
