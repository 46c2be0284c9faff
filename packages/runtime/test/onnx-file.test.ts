// A model of a stranger must not read files of the machine it is used on.
import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { Pioneer } from "../src/index.ts";
import { graphProblem } from "../src/onnx-file.ts";
import { changedModel, fixture } from "./support/fixtures.ts";
import { field, message, modelOf, readingGenerator, tensorOf } from "./support/hostile-graph.ts";

const secret = "pioneer-secret-of-onnx-file-test";
const graph = readingGenerator(secret, 16, 16);

/** A file in the working directory, from which ONNX Runtime reads what a graph in memory names. */
function keepSecret(): Buffer {
  const bytes = createHash("sha256").update("a password").digest();
  const whole = Buffer.concat(Array.from({ length: 24 }, () => bytes));
  writeFileSync(secret, whole);
  onTestFinished(() => rmSync(secret, { force: true }));
  return whole;
}

describe("a graph that names another file", () => {
  test("is refused before ONNX Runtime sees it, which would give the file as a picture", async () => {
    const bytes = keepSecret();
    const session = await InferenceSession.create(graph);
    onTestFinished(() => session.release());
    const { images } = await session.run({ latents: new Tensor("float32", new Float32Array(16), [1, 16]) });
    expect([...(images as Tensor).data]).toEqual([...bytes]);

    const folder = changedModel();
    const files = {
      "generator.onnx": { bytes: graph.length, sha256: createHash("sha256").update(graph).digest("hex") },
    };
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, files: { ...config.files, ...files } }));
    writeFileSync(join(folder, "generator.onnx"), graph);
    await expect(Pioneer.load(folder)).rejects.toMatchObject({
      code: "DAMAGED",
      message:
        'generator.onnx wants its tensor "secret" read from another file, which is never done: export the model again',
    });
  });

  const tensor = tensorOf(secret, [4]);
  const attribute = (id: number, value: Uint8Array) => message(field(1, "value"), field(id, value));
  const node = (id: number, value: Uint8Array) =>
    field(1, message(field(4, "Constant"), field(5, attribute(id, value))));
  const places: Record<string, Buffer> = {
    "a node's tensor": modelOf(node(5, tensor)),
    "a node's list of tensors": modelOf(node(10, tensor)),
    "a graph of a node": modelOf(node(6, message(field(5, tensor)))),
    "a list of graphs of a node": modelOf(node(11, message(node(5, tensor)))),
    "a sparse tensor's values": modelOf(field(15, message(field(1, tensor)))),
    "a sparse tensor's indices": modelOf(node(22, message(field(2, tensor)))),
    "a function": message(
      modelOf(),
      field(25, node(5, tensor).subarray(0)),
      field(25, message(field(7, node(5, tensor).subarray(2)))),
    ),
    "a second part of the graph": message(modelOf(), field(7, message(field(5, tensor)))),
    "only a location": modelOf(field(5, message(field(8, "secret"), field(14, 1)))),
    "only a file": modelOf(field(5, message(field(8, "secret"), field(13, message(field(1, "location")))))),
    "a number longer than need be": modelOf(
      field(5, message(field(8, "secret"), Buffer.from([14 * 8, 0x81, 0x80, 0x80, 0x00]))),
    ),
  };
  test.each(Object.entries(places))("is found in %s", (_, bytes) => {
    expect(graphProblem(bytes)).toBe('wants its tensor "secret" read from another file, which is never done');
  });
});

test("graphs of ours, and elements said to be inside, are no problem", () => {
  for (const name of ["encoder", "generator"]) {
    expect(graphProblem(readFileSync(fixture(`model-tiny/${name}.onnx`)))).toBeUndefined();
  }
  expect(graphProblem(modelOf(field(5, message(field(8, "inside"), field(14, 0)))))).toBeUndefined();
});

test("what is no ONNX file is refused by its name, at every length", () => {
  const ort = Buffer.from("\0\0\0\0ORTM\0\0\0\0", "latin1");
  expect(graphProblem(ort)).toBe("is in ONNX Runtime's own format, not in ONNX's");
  const group = Buffer.from([0x3b, 0x3c]);
  expect(graphProblem(group)).toContain("a field in it is of the unknown type 3");
  let nested = field(5, tensorOf(secret, [1]));
  for (let i = 0; i < 60; i++) nested = field(1, message(field(5, message(field(6, nested)))));
  expect(graphProblem(modelOf(nested))).toContain("nested deeper than 100");
  for (let length = 1; length < graph.length; length++) {
    const problem = graphProblem(graph.subarray(0, length)) ?? "";
    expect(problem === "" || /ends early|has no end|read from another file/.test(problem)).toBe(true);
  }
});
