// What is written beside the graph of an ONNX file, read without the graph.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { readOnnxMetadata } from "../../src/onnx/metadata.ts";
import { fixture } from "../support/fixture.ts";

const folder = temporaryFolder();

test("is found behind the graph", () => {
  expect([...readOnnxMetadata(fixture("metrics/features.onnx"))]).toEqual([["pioneer.range", "-1..1"]]);
  expect([...readOnnxMetadata(fixture("metrics/features-bytes.onnx"))]).toEqual([["pioneer.channels", "bgr"]]);
  expect([...readOnnxMetadata(fixture("metrics/features-silent.onnx"))]).toEqual([]);
});

test.each([
  ["nothing", []],
  ["a number without an end", [0xff]],
  ["one that is too long", Array<number>(40).fill(0xff)],
  ["a pair that is longer than the file", [0x72, 0x05, 1]],
  ["a pair that is none", [0x72, 0x02, 0x0a, 0x7f]],
  ["a length without an end", [0x0a, 0x80]],
])("of a file that is no protobuf there is none: %s", (name, bytes) => {
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(bytes));
  expect(readOnnxMetadata(path).size).toBe(0);
});

test("a file that is not there is the disk's error", () => {
  expect(() => readOnnxMetadata(join(folder, "missing"))).toThrow(/missing: no such file or folder; check the path$/);
});
