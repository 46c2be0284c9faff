// ONNX files of several programs, read, written again, and damaged.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { decodeModel, encodeModel, type ModelProto } from "../../src/onnx/messages.ts";
import { damage } from "../support/damage.ts";
import { fixture } from "../support/fixture.ts";
import { networks } from "./support.ts";

test.each(networks)("%s says the same when it is written again", (name) => {
  const model = decodeModel(readFileSync(fixture(name)));
  expect(model.graph.node.length).toBeGreaterThan(0);
  expect(decodeModel(encodeModel(model))).toEqual(model);
});

test("what is in a file is found: inputs, outputs, the version of its operators, what it says of itself", () => {
  const { graph, opsetImport, metadataProps } = decodeModel(readFileSync(fixture("metrics/features.onnx")));
  expect(graph.input.map(({ name }) => name)).toEqual(["images"]);
  expect(graph.input[0]?.type.tensorType).toMatchObject({
    elemType: 1,
    shape: { dim: [{ dimParam: "N" }, { dimValue: 3 }, {}, {}] },
  });
  expect(graph.output.map(({ name }) => name)).toEqual(["features"]);
  expect(opsetImport.map(({ version }) => version)).toEqual([expect.any(Number)]);
  expect(metadataProps).toEqual([{ key: "pioneer.range", value: "-1..1" }]);
});

test("elements of tensors are views of the file", () => {
  const bytes = readFileSync(fixture("model-tiny/generator.onnx"));
  const { graph } = decodeModel(bytes);
  const elements = graph.initializer.filter(({ rawData }) => rawData.length > 0);
  expect(elements.length).toBeGreaterThan(0);
  for (const { rawData } of elements) expect(rawData.buffer).toBe(bytes.buffer);
});

describe("a damaged file", () => {
  test("bits flipped or cut short: an error of one line, or a message", () => {
    const files = networks.map((name) => readFileSync(fixture(name)));
    let refused = 0;
    const trials = 800;
    for (let seed = 0; seed < trials; seed++) {
      let model: ModelProto | undefined;
      try {
        model = decodeModel(damage(files[seed % files.length] as Buffer, seed));
      } catch (error) {
        expect((error as Error).message, `trial ${seed}`).toMatch(/^[^\n]+$/);
        refused++;
      }
      if (model) expect(Array.isArray(model.opsetImport)).toBe(true);
    }
    expect(refused).toBeGreaterThan(trials / 4);
    expect(refused).toBeLessThan(trials);
  });

  test("a part that is longer than the file", () => {
    // ModelProto.graph of 100 bytes, of which there are 2.
    expect(() => decodeModel(Uint8Array.from([0x3a, 100, 0, 0]))).toThrow("it ends early");
  });

  test("more parts than memory should be spent on, each of two bytes", () => {
    // GraphProto.node, a million and one times empty.
    const nodes = Buffer.alloc(2 * 1_000_001);
    for (let at = 0; at < nodes.length; at += 2) nodes[at] = 0x0a;
    const length = [(nodes.length & 127) | 128, ((nodes.length >> 7) & 127) | 128, nodes.length >> 14];
    expect(() => decodeModel(Buffer.concat([Uint8Array.from([0x3a, ...length]), nodes]))).toThrow(
      /^more than 1000000 parts$/,
    );
    // Whole numbers of one byte each, as the sizes of one tensor: they become objects too.
    const sizes = { name: "", dataType: 1, dims: Array(1_000_001).fill(1), rawData: new Uint8Array() };
    const empty = decodeModel(readFileSync(fixture("metrics/features-grey.onnx")));
    const bytes = encodeModel({ ...empty, graph: { ...empty.graph, initializer: [sizes] } });
    expect(() => decodeModel(bytes)).toThrow(/^more than 1000000 parts$/);
  });
});
