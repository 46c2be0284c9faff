import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type LoadProgress, ModelError, Pioneer } from "../src/index.ts";
import { changedModel, fixture, oneDirection } from "./support/fixtures.ts";
import { serve } from "./support/server.ts";

const tiny = fixture("model-tiny");

describe("Pioneer.load", () => {
  test("tells what the model is, what computes it, and how far it was read", async () => {
    const progress: LoadProgress[] = [];
    const model = await Pioneer.load(pathToFileURL(tiny), { onProgress: (step) => progress.push(step) });
    onTestFinished(() => model.dispose());
    expect(model).toMatchObject({ resolution: 16, latent: 16, colour: "rgb", crop: "center", directions: [] });
    expect(model.config.recipe).toBe("accv2018");
    expect(model.backend).toEqual({ name: "cpu", reason: expect.stringContaining("onnxruntime-node 1.") });
    expect(model.integrity).toContain("SHA-256");
    expect(progress[0]).toMatchObject({ stage: "read", file: "encoder.onnx", loaded: 0 });
    expect(progress.map(({ loaded }) => loaded)).toEqual(progress.map(({ loaded }) => loaded).sort((a, b) => a - b));
    const total = Object.values(model.config.files).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(progress.at(-1)).toEqual({ stage: "start", loaded: total, total });
  });

  test("an http address loads as the folder does; only the parts that were asked for", async () => {
    const server = await serve({ model: tiny });
    onTestFinished(() => server.close());
    const model = await Pioneer.load(`${server.address}/model/`, { parts: ["generator"] });
    onTestFinished(() => model.dispose());
    expect(server.asked).toEqual(["/model/config.json", "/model/generator.onnx"]);
    expect((await model.sample(1, 1)).images).toMatchObject([{ width: 16, height: 16 }]);
    await expect(model.encode(new Float32Array(3 * 16 * 16))).rejects.toThrow(
      'the encoder was not loaded: add "encoder" to the option parts of Pioneer.load',
    );
  });

  test("directions alone need no engine, and edit", async () => {
    const model = await Pioneer.load(changedModel({ files: { "directions.json": oneDirection } }), {
      parts: ["directions"],
    });
    expect(model.directions).toEqual([
      { name: "smile", unit: 0.25, reach: 2.4, method: "linear", score: null, shown: null },
    ]);
    expect(model.backend.reason).toBe("nothing to compute");
    await expect(model.sample(1, 1)).rejects.toThrow("the generator was not loaded");
  });

  test("an aborted load gives the signal's reason", async () => {
    const controller = new AbortController();
    const loading = Pioneer.load(tiny, {
      signal: controller.signal,
      onProgress: ({ stage }) => stage === "start" && controller.abort(new Error("another model was chosen")),
    });
    await expect(loading).rejects.toThrow("another model was chosen");
  });
});

describe("a folder that cannot be loaded is refused in one line", () => {
  const refused = async (folder: string, options: Parameters<typeof Pioneer.load>[1] = {}) => {
    const error = await Pioneer.load(folder, options).then(
      async (model) => {
        await model.dispose();
        throw new Error("it was loaded");
      },
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ModelError);
    expect((error as ModelError).message).not.toContain("\n");
    return `${(error as ModelError).code} ${(error as ModelError).message}`;
  };

  test("not a model, or a file of it missing", async () => {
    expect(await refused("/no/such/folder")).toBe(
      "MISSING /no/such/folder is no model folder: it has no config.json; pioneer export writes one",
    );
    const folder = changedModel();
    rmSync(join(folder, "generator.onnx"));
    expect(await refused(folder)).toContain(`MISSING ${folder}/generator.onnx is missing`);
  });

  test("a newer format by its number, before anything else of it is read", async () => {
    const folder = changedModel({ config: { format: 7, dtype: "fp4" } });
    expect(await refused(folder)).toContain("FORMAT");
    expect(await refused(folder)).toContain("config.json has format 7, this version of pioneer-runtime reads up to 1");
  });

  test("a config.json that is none", async () => {
    const folder = changedModel();
    writeFileSync(join(folder, "config.json"), "<!doctype html><p>not found");
    expect(await refused(folder)).toContain("is not JSON but a page of the server");
    expect(await refused(changedModel({ config: { resolution: "big" } }))).toContain("DAMAGED");
    expect(await refused(changedModel({ config: { resolution: "big" } }))).toContain("config.json: resolution:");
    writeFileSync(join(folder, "config.json"), JSON.stringify({ format: 1, data: "a.pack", kimgPerPhase: 2400 }));
    expect(await refused(folder)).toContain(
      "is that of a training run: make a model of it by pioneer export --run RUN",
    );
  });

  test("a file that is shorter, or of the same length and changed", async () => {
    const folder = changedModel();
    truncateSync(join(folder, "encoder.onnx"), 1000);
    expect(await refused(folder)).toContain(
      "encoder.onnx has 1000 bytes, config.json says 58632: copy the model folder",
    );
    writeFileSync(join(folder, "encoder.onnx"), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
    expect(await refused(folder)).toContain("is what Git LFS leaves where it did not fetch the file (git lfs pull)");
    const other = changedModel();
    const text = '{"format":1,"latent":16,"directions":[]}\n';
    writeFileSync(join(other, "directions.json"), text);
    expect(await refused(other)).toContain("its SHA-256 differs");
  });

  test("a graph that is none, and directions of another model", async () => {
    expect(await refused(changedModel({ files: { "generator.onnx": "not a graph" } }))).toContain(
      "DAMAGED generator.onnx is not an ONNX file, or a damaged one (",
    );
    const of8 = JSON.stringify({ format: 1, latent: 8, directions: {} });
    expect(await refused(changedModel({ files: { "directions.json": of8 } }))).toContain(
      "directions.json is for latents of 8 numbers, the model has 16",
    );
  });

  test("a part the folder has not, and options that cannot be", async () => {
    const { files } = (await import(fixture("model-tiny/config.json"), { with: { type: "json" } })).default;
    const { "encoder.onnx": _, ...rest } = files;
    const gan = changedModel();
    const config = { recipe: "gan", files: rest };
    expect(await refused(changedModel({ config }), { parts: ["encoder"] })).toContain(
      "has no encoder (models of the recipe gan have none); it has generator, directions",
    );
    expect(await refused(gan, { parts: ["decoder" as "generator"] })).toContain('OPTION parts: there is no "decoder"');
    expect(await refused(gan, { threads: 0 })).toContain(
      "OPTION threads: expected a whole number of at least 1, got 0",
    );
    expect(await refused(gan, { backend: "webgpu" })).toContain('OPTION backend: "webgpu" is for pages');
    expect(await refused(gan, { worker: true })).toContain("OPTION worker: true is for pages; in Node");
  });

  test("a server that is not there, or answers with an error", async () => {
    const server = await serve({});
    await server.close();
    expect(await refused(`${server.address}/model`)).toContain("MISSING");
    expect(await refused(`${server.address}/model`)).toContain("cannot be fetched");
  });
});
