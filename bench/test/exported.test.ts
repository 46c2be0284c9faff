import { expect, test } from "vitest";
import { describeExported, timeExported } from "../src/exported.ts";
import { systemPython } from "../src/python.ts";

const least = { runs: 1, seconds: 0 };
const python = await systemPython(); // says so where there is none

test("exported graphs are timed beside PyTorch's, whose weights are those of the authors' modules", async () => {
  const workload = { phase: 1, batch: 2, n: 16 };
  // The baseline itself refuses to be timed where its outputs are not the authors'.
  const timing = await timeExported(workload, "int8", { threads: 1, wasm: true, least }, python);
  const { onnx, wasm, eager } = timing;
  if (!wasm) throw new Error("WASM was not timed");
  for (const direction of [
    onnx.encode,
    onnx.decode,
    wasm.encode,
    wasm.decode,
    ...(eager ? [eager.encode, eager.decode] : []),
  ]) {
    for (const { min, median, max } of [direction.single, direction.batch]) {
      expect(min).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(min);
      expect(max).toBeGreaterThanOrEqual(median);
    }
  }
  expect(onnx.cold.both).toBeGreaterThan(onnx.cold.decode);
  const table = describeExported([{ ...timing, eager: null }]).split("\n");
  expect(table).toHaveLength(4);
  expect(table[2]).toMatch(
    /^\| 8×8 \| 16 \| int8 \| 1 \| [\d.]+ ms \| [\d.]+ ms \| [\d.]+ ms \| [\d.]+ ms \| {2}\| {2}\| not measured \| [\d.]+ s \|$/,
  );
}, 120_000);
