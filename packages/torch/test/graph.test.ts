// What a CUDA graph needs of the host, on the CPU; recording itself needs a GPU.
import { expect, test } from "vitest";
import {
  Adam,
  CudaGraph,
  capabilities,
  fromHost,
  memory,
  recordHostNumbers,
  scope,
  type Tensor,
  tensor,
} from "../src/index.ts";

test("numbers from the host are there at once, and while work is recorded only before each launch", () => {
  let calls = 0;
  const compute = () => [++calls, 10 * calls];
  expect(fromHost([2], "cpu", compute).toFloat32Array()).toEqual(Float32Array.of(1, 10));
  let held: Tensor | undefined;
  const numbers = recordHostNumbers(() => {
    held = scope(() => fromHost([2], "cpu", compute));
  });
  expect(calls).toBe(1);
  for (let launch = 2; launch <= 4; launch++) {
    numbers.refresh();
    expect(held?.toFloat32Array()).toEqual(Float32Array.of(launch, 10 * launch));
  }
  const before = memory().tensors;
  numbers.dispose();
  expect(memory().tensors).toBe(before - 1);
  // Afterwards numbers are computed at once again, whatever the work threw.
  expect(() =>
    recordHostNumbers(() => {
      throw new RangeError("no");
    }),
  ).toThrow(RangeError);
  expect(fromHost([2], "cpu", compute).toFloat32Array()).toEqual(Float32Array.of(5, 50));
});

test("Adam counts the launches, not the recording", () => {
  const adam = new Adam({ learningRate: 0.1, beta1: 0, beta2: 0.9, epsilon: 1e-8 });
  const parameters = new Map([["p", tensor(Float32Array.of(1, 2), [2])]]);
  const gradients = [tensor(Float32Array.of(1, 1), [2])];
  adam.step(parameters, gradients);
  const numbers = recordHostNumbers(() => adam.step(parameters, gradients));
  expect(adam.state.get("p")?.step).toBe(1);
  numbers.refresh();
  numbers.refresh();
  expect(adam.state.get("p")?.step).toBe(3);
  numbers.dispose();
  adam.dispose();
});

test.skipIf(capabilities().cudaGraphs)("a build without CUDA graphs says so in one line, and what they need", () => {
  expect(() => new CudaGraph(() => {})).toThrow(/^CUDA graphs: this build has none .*libtorch 2[^\n]*$/);
});
