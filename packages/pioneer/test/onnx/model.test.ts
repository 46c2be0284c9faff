// The model folder of fixtures/model-tiny, opened as graphs alone.
import { cpSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { DataError } from "../../src/base/errors.ts";
import { type ModelFacts, openGraphs } from "../../src/onnx/model.ts";
import { fixture } from "../support/fixture.ts";

const folder = temporaryFolder();
const facts = JSON.parse(readFileSync(fixture("model-tiny/config.json"), "utf8")) as ModelFacts;
const expected = JSON.parse(readFileSync(fixture("model-tiny.expected.json"), "utf8")) as {
  latents: number[];
  images: number[];
};

/** A copy of the folder for one test. */
function copy(name: string): string {
  const path = join(folder, name);
  cpSync(fixture("model-tiny"), path, { recursive: true });
  return path;
}

test("images of latents are those of libtorch; the encoder is opened when it is needed, and verified first", async () => {
  const verified: string[] = [];
  const model = await openGraphs(fixture("model-tiny"), facts, {
    threads: 1,
    verify: async (file) => void verified.push(file),
  });
  const images = await model.decode(Float32Array.from(expected.latents), 3);
  expect(images).toHaveLength(expected.images.length);
  for (const [i, value] of expected.images.entries())
    expect(Math.abs((images[i] as number) - value)).toBeLessThan(1e-5);
  expect(verified).toEqual(["generator.onnx"]);
  const latents = await model.encode(images, 3);
  expect(verified).toEqual(["generator.onnx", "encoder.onnx"]);
  for (let i = 0; i < 3; i++) {
    const length = latents.subarray(16 * i, 16 * (i + 1)).reduce((sum, value) => sum + value ** 2, 0);
    expect(Math.abs(length - 1)).toBeLessThan(1e-5);
  }
  await model.encode(images, 3);
  expect(verified).toHaveLength(2);
  model.dispose();
  await expect(model.decode(Float32Array.from(expected.latents), 3)).rejects.toMatchObject({ code: "DISPOSED" });
});

test("values of another number than the model takes are refused by the name of the graph", async () => {
  const model = await openGraphs(fixture("model-tiny"), facts, { threads: 1 });
  await expect(model.decode(new Float32Array(17), 1)).rejects.toThrow(/generator\.onnx failed: [^\n]+$/);
  model.dispose();
});

test("a damaged generator is refused at once, a damaged encoder where it is needed", async () => {
  const broken = copy("broken-generator");
  truncateSync(join(broken, "generator.onnx"), 9000);
  const opening = openGraphs(broken, facts, { threads: 1 });
  await expect(opening).rejects.toThrow(DataError);
  await expect(opening).rejects.toThrow(
    /generator\.onnx cannot be read by ONNX Runtime \([^\n]+\): export the model again$/,
  );

  const blind = copy("broken-encoder");
  rmSync(join(blind, "encoder.onnx"));
  const model = await openGraphs(blind, facts, { threads: 1 });
  expect((await model.decode(Float32Array.from(expected.latents), 3)).length).toBe(expected.images.length);
  await expect(model.encode(new Float32Array(3 * 256), 1)).rejects.toThrow(/encoder\.onnx cannot be read/);
  model.dispose();
});

test("a model whose encoder makes no latents says so, whether or not there is a file", async () => {
  const model = await openGraphs(fixture("model-tiny"), { ...facts, recipe: "gan" }, { threads: 1, hasEncoder: false });
  await expect(model.encode(new Float32Array(3 * 256), 1)).rejects.toMatchObject({ code: "NO_ENCODER" });
  model.dispose();
});
