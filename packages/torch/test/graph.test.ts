// What a CUDA graph needs of the host, on the CPU; recording itself needs a GPU.
import { expect, test } from "vitest";
import {
  Adam,
  CudaGraph,
  capabilities,
  cudaMemory,
  fromHost,
  HostNumbers,
  hasFused,
  memory,
  resetCudaPeak,
  type Tensor,
  tensor,
} from "../src/index.ts";

test("numbers from the host are there at once, and while work is recorded only before each launch", () => {
  let calls = 0;
  const compute = () => [++calls, 10 * calls];
  expect(fromHost([2], "cpu", compute).toFloat32Array()).toEqual(Float32Array.of(1, 10));
  const before = memory();
  const numbers = new HostNumbers("cpu");
  const there = memory();
  const held: Tensor[] = [];
  numbers.record(() => {
    for (let i = 0; i < 2; i++) held.push(fromHost([1, 2], "cpu", compute));
  });
  expect(calls).toBe(1);
  for (let launch = 1; launch <= 3; launch++) {
    numbers.refresh();
    // Two, each in a place of its own, and both in memory from before the recording.
    expect(held.map((tensor) => [...tensor.toFloat32Array()])).toEqual([
      [2 * launch, 20 * launch],
      [2 * launch + 1, 20 * launch + 10],
    ]);
  }
  for (const tensor of held) tensor.dispose();
  expect(memory()).toEqual(there);
  numbers.dispose();
  expect(memory()).toEqual(before);
  // Afterwards numbers are computed at once again, whatever the work threw.
  const refused = new HostNumbers("cpu");
  expect(() =>
    refused.record(() => {
      throw new RangeError("no");
    }),
  ).toThrow(RangeError);
  expect(() => refused.record(() => void fromHost([70_000], "cpu", compute))).toThrow(
    "recorded work may take 65536 numbers from the host, not 70000",
  );
  refused.dispose();
  expect(fromHost([2], "cpu", compute).toFloat32Array()).toEqual(Float32Array.of(8, 80));
});

test("Adam counts the launches, not the recording", () => {
  const adam = new Adam({ learningRate: 0.1, beta1: 0, beta2: 0.9, epsilon: 1e-8 });
  const parameters = new Map([["p", tensor(Float32Array.of(1, 2), [2])]]);
  const gradients = [tensor(Float32Array.of(1, 1), [2])];
  adam.step(parameters, gradients);
  const numbers = new HostNumbers("cpu");
  numbers.record(() => adam.step(parameters, gradients));
  expect(adam.state.get("p")?.step).toBe(1);
  numbers.refresh();
  numbers.refresh();
  expect(adam.state.get("p")?.step).toBe(3);
  // What is not fused takes its rates as arguments, which a recording would keep for ever.
  const doubles = new Map([["p", tensor(Float64Array.of(1, 2), [2])]]);
  const composed = new Adam(adam.options);
  const step = () => composed.step(doubles, [tensor(Float64Array.of(1, 1), [2])]);
  expect(() => numbers.record(step)).toThrow("Adam: a graph can only hold its fused update");
  expect(composed.state.get("p")?.step).toBe(0);
  composed.dispose();
  numbers.dispose();
  adam.dispose();
});

test.skipIf(capabilities().cudaDevices > 0)("without a CUDA device nothing is told of its memory", () => {
  resetCudaPeak();
  expect(cudaMemory()).toBeUndefined();
});

test("the fused operators are those of a CUDA tensor as it names its place", () => {
  const { fusedCuda, cudaBf16 } = capabilities();
  const there = fusedCuda && cudaBf16;
  expect([hasFused("cpu"), hasFused("meta")]).toEqual([true, false]);
  expect([hasFused("cuda"), hasFused("cuda:0"), hasFused("cuda:1")]).toEqual([there, there, there]);
});

test.skipIf(capabilities().cudaGraphs)("a build without CUDA graphs says so in one line, and what they need", () => {
  expect(() => new CudaGraph(() => {})).toThrow(/^CUDA graphs: this build has none .*libtorch 2[^\n]*$/);
});
