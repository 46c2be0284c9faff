// A model folder of a stranger whose digests are right and whose graphs are not what they should be.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { field, message, modelOf, readingGenerator } from "../../../runtime/test/support/hostile-graph.ts";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { verifyModelFolder } from "../../src/models/model-folder.ts";
import { openAnyModel } from "../../src/models/open-model.ts";
import { commandIn } from "../support/command.ts";
import { fixture } from "../support/fixture.ts";

const folder = temporaryFolder();

/** A copy of model-tiny with another generator, which its config.json describes. */
function modelWith(name: string, generator: Uint8Array): string {
  const path = join(folder, name);
  cpSync(fixture("model-tiny"), path, { recursive: true });
  writeFileSync(join(path, "generator.onnx"), generator);
  const config = JSON.parse(readFileSync(join(path, "config.json"), "utf8"));
  config.files["generator.onnx"] = {
    bytes: generator.length,
    sha256: createHash("sha256").update(generator).digest("hex"),
  };
  writeFileSync(join(path, "config.json"), JSON.stringify(config));
  return path;
}

/** A generator that gives one constant tensor of float32. */
const constantGenerator = (shape: readonly number[], value: number): Buffer => {
  const data = Buffer.from(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => value).buffer);
  const dims = shape.map((length) => field(1, length));
  const port = (name: string) => message(field(1, name), field(2, field(1, message(field(1, 1)))));
  const tensor = message(...dims, field(2, 1), field(8, "constant"), field(9, data));
  const node = message(field(1, "constant"), field(2, "images"), field(4, "Identity"));
  return modelOf(field(1, node), field(5, tensor), field(11, port("latents")), field(12, port("images")));
};

test("a generator that would read a file is refused by every command, and by info --verify", async () => {
  const path = modelWith("reader", readingGenerator("../secret.txt", 16, 16));
  writeFileSync(join(folder, "secret.txt"), Buffer.alloc(768, "password"));
  const refusal = 'wants its tensor "secret" read from another file, which is never done';
  await expect(verifyModelFolder(path)).rejects.toThrow(`${path}/generator.onnx ${refusal}: export the model again`);
  await expect(openAnyModel(path, { threads: 1 })).rejects.toThrow(refusal);
  const { expectError } = commandIn(path);
  expectError(["info", ".", "--verify"], 1, `generator.onnx ${refusal}: export the model again`);
});

test("what a generator gives is compared with what it should give", async () => {
  const decode = async (name: string, shape: readonly number[], value: number) => {
    const model = await openAnyModel(modelWith(name, constantGenerator(shape, value)), { threads: 1 });
    try {
      return await model.decode(
        Float32Array.from({ length: 16 }, (_, i) => Number(i === 0)),
        1,
      );
    } finally {
      model.dispose();
    }
  };
  expect(await decode("right", [1, 3, 16, 16], 0.5)).toEqual(new Float32Array(768).fill(0.5));
  await expect(decode("nan", [1, 3, 16, 16], Number.NaN)).rejects.toThrow("nan/generator.onnx gave values that are no");
  await expect(decode("few", [1, 3, 8, 8], 0)).rejects.toThrow("gave [1, 3, 8, 8], not [1, 3, 16, 16]");
  await expect(decode("many", [2, 3, 16, 16], 0)).rejects.toThrow("gave [2, 3, 16, 16], not [1, 3, 16, 16]");
  await expect(decode("turned", [1, 16, 16, 3], 0)).rejects.toThrow("gave [1, 16, 16, 3], not [1, 3, 16, 16]");
});

test("a file of the folder that is a device or a pipe is refused, not waited for", async () => {
  const path = modelWith("device", Buffer.alloc(0));
  const graph = join(path, "generator.onnx");
  for (const make of [() => symlinkSync("/dev/zero", graph), () => execFileSync("mkfifo", [graph])]) {
    rmSync(graph);
    make();
    await expect(verifyModelFolder(path)).rejects.toThrow(`${graph}: this is a device or a pipe; give a file`);
    await expect(openAnyModel(path, { threads: 1 })).rejects.toThrow(`${graph}: this is a device or a pipe`);
  }
});

test("directions that are not those of config.json are not edited along", () => {
  const path = modelWith("directions", readFileSync(fixture("model-tiny/generator.onnx")));
  writeFileSync(join(path, "directions.json"), '{"format":1,"latent":16,"directions":{}}\n ');
  const photo = fixture("imagefolder/faces/color/a.jpg");
  commandIn(folder).expectError(
    ["edit", "--model", "directions", "--out", "edited", "--set", "smile=1", photo],
    1,
    "directions/directions.json was changed or cut short (its sha256 differs): copy or export the model again",
  );
});
