import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sampleLatents } from "pioneer-runtime";
import { modelConfig } from "pioneer-runtime/internal";
import { readSafetensors, writeSafetensors } from "pioneer-torch";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { CheckpointError, ConfigError, DataError } from "../../src/base/errors.ts";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { balanced, gan } from "../../src/config/recipe.ts";
import type { Pack } from "../../src/data/pack/pack.ts";
import { differenceOf } from "../../src/export/check.ts";
import { type ExportOptions, exportModel } from "../../src/export/export-model.ts";
import type { Quality } from "../../src/export/quality.ts";
import { replaceModelFile, verifyModelFolder } from "../../src/models/model-folder.ts";
import { openAnyModel } from "../../src/models/open-model.ts";
import { readWeights } from "../../src/models/weights.ts";
import { facts } from "../checkpoint/support.ts";
import { fixture } from "../support/fixture.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { discs, makePack, tinyLearner, train } from "../support/tiny.ts";

const folder = temporaryFolder();
const path = (name: string) => join(folder, name);
let pack: Pack;

const size = { latent: 12, channels: 20 };
beforeAll(async () => {
  pack = await makePack(folder, 200, 16, discs);
  const write = (name: string, learner = tinyLearner(size), more = {}) => {
    mkdirSync(path(name));
    train(learner, 2, { growth: { phase: 2, alpha: 1 } });
    const data = { id: pack.id, path: pack.path, trainImages: 190 };
    writeCheckpoint(path(name), learner, { ...facts(48000), phase: 2, pack: data, ...more });
  };
  write("run");
  write("balanced", tinyLearner(size, 1, balanced), { recipe: "balanced", alpha: 0.4 });
  write("gan", tinyLearner(size, 2, gan), { recipe: "gan" });
  write("dataless", undefined, { pack: { id: pack.id, path: "gone.pack", trainImages: 190 } });
});

const exported = (run: string, out: string, options: Partial<ExportOptions> = {}) =>
  exportModel({ run: path(run), out: path(out), dtype: "fp32", weights: false, force: false, threads: 1, ...options });

const configOf = (out: string) => modelConfig.parse(JSON.parse(readFileSync(join(path(out), "config.json"), "utf8")));

describe("a model folder", () => {
  test("says what it is and lists its files with their digests", async () => {
    const { files, quality, differences } = await exported("run", "model");
    const names = ["README.md", "config.json", "directions.json", "encoder.onnx", "generator.onnx"];
    expect(readdirSync(path("model")).sort()).toEqual(names);
    // A web server may enter it as any folder that its user makes.
    expect(statSync(path("model")).mode & 0o777).toBe(0o777 & ~process.umask());
    expect([...files].sort()).toEqual(names.map((name) => join(path("model"), name)));
    const { files: listed, ...config } = configOf("model");
    expect(config).toEqual({
      format: 1,
      resolution: 16,
      latent: 12,
      channels: 20,
      phase: 2,
      alpha: 1,
      recipe: "accv2018",
      dtype: "fp32",
      colour: "rgb",
      crop: "center",
      align: null,
      kimg: 48,
      version: "0.1.0",
    });
    expect(Object.keys(listed)).toEqual(["encoder.onnx", "generator.onnx", "directions.json"]);
    for (const [name, { bytes, sha256 }] of Object.entries(listed)) {
      const contents = readFileSync(join(path("model"), name));
      expect({ bytes, sha256 }).toEqual({
        bytes: contents.length,
        sha256: createHash("sha256").update(contents).digest("hex"),
      });
    }
    expect(differences.generator?.largest).toBeLessThan(2e-5);
    expect(differences.encoder?.largest).toBeLessThan(2e-5);
    // 4 of 200 images are held out; the exported graphs lose nothing.
    const { images, reference, exported: after, agreement } = quality as Quality;
    expect(images).toBe(pack.splits.test?.length);
    expect(Math.abs(after - reference)).toBeLessThan(0.001);
    expect(agreement).toBeGreaterThan(55);
  });

  test("is the run: the same latents and images", async () => {
    const [run, model] = [await openAnyModel(path("run"), { device: "cpu" }), await openAnyModel(path("model"))];
    const latents = sampleLatents(5, 12, 3);
    const [images, again] = [await run.decode(latents, 5), await model.decode(latents, 5)];
    expect(differenceOf(again, images).largest).toBeLessThan(2e-5);
    expect(differenceOf(await model.encode(images, 5), await run.encode(images, 5)).largest).toBeLessThan(2e-5);
    const { resolution, latent, colour, crop } = model;
    expect({ resolution, latent, colour, crop }).toEqual({ resolution: 16, latent: 12, colour: "rgb", crop: "center" });
    run.dispose();
    model.dispose();
  });

  test("a run that is fading in: alpha is part of the graphs", async () => {
    await exported("balanced", "fading");
    expect(configOf("fading")).toMatchObject({ alpha: 0.4, recipe: "balanced" });
    const [run, model] = [await openAnyModel(path("balanced"), { device: "cpu" }), await openAnyModel(path("fading"))];
    const latents = sampleLatents(2, 12, 3);
    const images = await run.decode(latents, 2);
    expect(differenceOf(await model.decode(latents, 2), images).largest).toBeLessThan(2e-5);
    expect(differenceOf(await model.encode(images, 2), await run.encode(images, 2)).largest).toBeLessThan(2e-5);
    expect(readFileSync(join(path("fading"), "README.md"), "utf8")).toContain("still fading in (alpha 0.400)");
    run.dispose();
    model.dispose();
  });

  test("of the recipe gan has no encoder, and says so", async () => {
    const { quality } = await exported("gan", "samples-only");
    expect(quality).toBe("the recipe gan has no encoder that makes latents");
    expect(Object.keys(configOf("samples-only").files)).toEqual(["generator.onnx", "directions.json"]);
    expect(readFileSync(join(path("samples-only"), "README.md"), "utf8")).toContain("it can sample, not reconstruct");
    const model = await openAnyModel(path("samples-only"));
    expect((await model.decode(sampleLatents(1, 12, 0), 1)).length).toBe(3 * 16 * 16);
    await expect(model.encode(new Float32Array(768), 1)).rejects.toThrow("makes no latents: it can sample");
    model.dispose();
  });

  test("computes nothing more once it is disposed of, and what was on its way ends", async () => {
    const model = await openAnyModel(path("model"));
    const onItsWay = model.decode(sampleLatents(64, 12, 0), 64);
    model.dispose();
    await expect(onItsWay).rejects.toThrow("generator.onnx failed: it was closed");
    await expect(model.decode(sampleLatents(1, 12, 0), 1)).rejects.toThrow("the model was disposed of; open it again");
    await expect(model.encode(new Float32Array(768), 1)).rejects.toThrow("the model was disposed of; open it again");
  });

  test.each(["fp16", "int8"] as const)("%s: reconstructions stay what they were", async (dtype) => {
    const { quality, config } = await exported("run", dtype, { dtype });
    expect(config.dtype).toBe(dtype);
    const { reference, exported: after, agreement } = quality as Quality;
    // Measured 78 and 43 dB between the two, November 2026.
    expect(agreement).toBeGreaterThan(dtype === "fp16" ? 55 : 32);
    expect(Math.abs(after - reference)).toBeLessThan(dtype === "fp16" ? 0.02 : 0.5);
  });

  test("with weights it can be computed by libtorch, to the bit", async () => {
    await exported("run", "weights", { weights: true });
    expect(Object.keys(configOf("weights").files)).toContain("model.safetensors");
    const options = { device: "cpu", threads: 1 } as const;
    const run = await openAnyModel(path("run"), options);
    const model = await openAnyModel(path("weights"), { ...options, engine: "torch" });
    const latents = sampleLatents(2, 12, 3);
    const images = await run.decode(latents, 2);
    expect(await model.decode(latents, 2)).toEqual(images);
    expect(await model.encode(images, 2)).toEqual(await run.encode(images, 2));
    run.dispose();
    model.dispose();
  });

  test("weights of a smaller dtype are the pair in half precision, and libtorch's images differ by its rounding", async () => {
    const { files } = configOf("weights");
    const { config } = await exported("run", "half", { weights: true, dtype: "fp16" });
    const bytes = (of: Record<string, { bytes: number }>) => of["model.safetensors"]?.bytes as number;
    // Of generator, its average and encoder two are left, at half the bytes.
    expect(bytes(config.files)).toBeLessThan(0.4 * bytes(files));
    const options = { device: "cpu", threads: 1 } as const;
    const run = await openAnyModel(path("run"), options);
    const model = await openAnyModel(path("half"), { ...options, engine: "torch" });
    const latents = sampleLatents(2, 12, 3);
    const [images, rounded] = [await run.decode(latents, 2), await model.decode(latents, 2)];
    const worst = images.reduce((most, value, i) => Math.max(most, Math.abs(value - (rounded[i] as number))), 0);
    // Weights are off by 2^-11 of themselves at most, in each of about six layers. Measured 0.0014.
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(6 * 2 ** -11);
    run.dispose();
    model.dispose();
  });

  test("the card names data, images shown and what evaluate measured of this checkpoint", async () => {
    cpSync(path("run"), path("measured"), { recursive: true });
    const line = (images: number, metrics: object) =>
      JSON.stringify({ images, resolution: 16, pack: pack.id, heldOut: "test", metrics });
    const lines = [
      line(48000, { swd200: 12.3456, psnr: 17 }),
      line(24000, { fid10k: 99 }),
      line(48000, { psnr: 18.25 }),
      line(48000, { fid50k: 7 }).replace(
        '"metrics"',
        `"networks":{"features":"${"0123456789abcdef".repeat(4)}"},"metrics"`,
      ),
      // Of other data, and of images it was trained on.
      line(48000, { psnr: 30 }).replace(pack.id, "another"),
      line(48000, { psnr: 31 }).replace('"test"', '"train"'),
    ];
    writeFileSync(join(path("measured"), "metrics.jsonl"), `${lines.join("\n")}\n{"images": 480`);
    await exported("measured", "card");
    const card = readFileSync(join(path("card"), "README.md"), "utf8");
    expect(card).toContain("| swd200 | 12.35 |");
    expect(card).toContain("| psnr | 18.25 |");
    expect(card).toContain("| fid50k by the --features file with sha256 `0123456789abcdef` | 7 |");
    expect(card).not.toContain("fid10k");
    expect(card).toContain("190 training images");
    expect(card).toContain("48 thousand images shown");
    expect(card).not.toContain(folder);
  });

  test("takes along the directions that the run has", async () => {
    cpSync(path("run"), path("directed"), { recursive: true });
    const smile = { vector: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], unit: 0.3, method: "linear", orthogonal: false };
    const text = JSON.stringify({ format: 1, latent: 12, directions: { smile } });
    writeFileSync(join(path("directed"), "directions.json"), text);
    await exported("directed", "with-directions");
    expect(readFileSync(join(path("with-directions"), "directions.json"), "utf8")).toBe(`${text}\n`);
    writeFileSync(join(path("directed"), "directions.json"), text.replace('"latent":12', '"latent":8'));
    await expect(exported("directed", "wrong-directions")).rejects.toThrow(
      "holds no directions: give another file, or mend this one",
    );
    expect(existsSync(path("wrong-directions"))).toBe(false);
  });

  test("a file written anew keeps the folder whole", async () => {
    cpSync(path("model"), path("relearned"), { recursive: true });
    await replaceModelFile(path("relearned"), "directions.json", '{"format":1,"latent":12,"directions":{}} ');
    expect((await verifyModelFolder(path("relearned"))).files["directions.json"]?.bytes).toBe(41);
    expect(readdirSync(path("relearned"))).toEqual(readdirSync(path("model")));
  });
});

describe("an export refuses", () => {
  test("a run without a checkpoint", async () => {
    mkdirSync(path("empty"));
    await expect(exported("empty", "none")).rejects.toThrow(CheckpointError);
    await expect(exported("empty", "none")).rejects.toThrow("holds no checkpoint: give --run a run folder");
  });

  test("a model that is there, unless it may be replaced", async () => {
    await exported("run", "twice");
    const again = exported("run", "twice", { dtype: "int8" });
    await expect(again).rejects.toThrow(
      `${path("twice")} already holds a model: give --out another folder, or --force`,
    );
    expect(configOf("twice").dtype).toBe("fp32");
    await exported("run", "twice", { dtype: "int8", force: true });
    expect(configOf("twice").dtype).toBe("int8");
    expect((await verifyModelFolder(path("twice"))).dtype).toBe("int8");
  });

  test("a folder with something else in it, with force as well", async () => {
    for (const force of [false, true]) {
      await expect(exported("gan", "run", { force })).rejects.toThrow("holds something that is not a model folder");
    }
    expect(existsSync(join(path("run"), "checkpoint-00000048"))).toBe(true);
    writeFileSync(path("file"), "mine");
    await expect(exported("run", "file", { force: true })).rejects.toThrow("is a file: give --out");
    expect(readFileSync(path("file"), "utf8")).toBe("mine");
  });

  test("a model with the user's own files beside it, which force would remove", async () => {
    await exported("run", "used");
    mkdirSync(join(path("used"), "samples"));
    await expect(exported("run", "used", { force: true })).rejects.toThrow(
      `${path("used")} holds samples beside its model, which --force would remove: move it away first`,
    );
    expect(existsSync(join(path("used"), "samples"))).toBe(true);
  });

  test("a place that cannot be written to, and leaves nothing", async () => {
    await expect(exported("run", "../../proc/nowhere/model", { out: "/proc/nowhere/model" })).rejects.toThrow(
      DataError,
    );
    const failing = exported("run", "failed", { data: path("no.pack") });
    await expect(failing).rejects.toThrow("no.pack: no such file");
    expect(readdirSync(folder).filter((name) => name.startsWith("failed"))).toEqual([]);
  });

  test("no data for the reconstructions is no reason to fail", async () => {
    const { quality } = await exported("dataless", "unmeasured");
    expect(quality).toContain("gone.pack: no such file or folder");
    const { quality: given } = await exported("dataless", "measured-elsewhere", { data: pack.path });
    expect((given as Quality).images).toBe(pack.splits.test?.length);
  });

  test("nothing is left in memory", async () => {
    expect(await leftBehind(() => exported("run", "flat"))).toEqual(nothing);
  });
});

describe("a model folder that is not whole", () => {
  test.each(["../run/config.json", "/etc/hostname", "a/b.onnx", "..", ".hidden", "a\\b"])(
    "names the file %j, which is none of its own",
    async (name) => {
      cpSync(path("model"), path("foreign"), { recursive: true });
      const config = configOf("model");
      const files = { ...config.files, [name]: { bytes: 1, sha256: "0" } };
      writeFileSync(join(path("foreign"), "config.json"), JSON.stringify({ ...config, files }));
      await expect(verifyModelFolder(path("foreign"))).rejects.toThrow("config.json does not describe a model");
    },
  );

  test("weights that are not those of config.json are not computed", async () => {
    await exported("run", "weighty", { weights: true });
    const file = join(path("weighty"), "model.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    writeFileSync(file, bytes);
    await expect(openAnyModel(path("weighty"), { engine: "torch", device: "cpu" })).rejects.toThrow(
      `${file} was changed or cut short`,
    );
  });

  test("weights without a generator are refused, and the encoder's leave memory", async () => {
    const { tensors, metadata } = readSafetensors(join(path("weighty"), "model.safetensors"));
    const encoder = new Map([...tensors].filter(([name]) => name.startsWith("encoder.")));
    writeSafetensors(path("encoder.safetensors"), encoder, metadata);
    for (const value of tensors.values()) value.dispose();
    const left = await leftBehind(() =>
      expect(() => readWeights(path("encoder.safetensors"))).toThrow("does not hold a model's networks"),
    );
    expect(left).toEqual(nothing);
  });

  test.each(["generator.onnx", "encoder.onnx"])("%s was changed or is missing", async (name) => {
    const broken = path(`broken-${name}`);
    cpSync(path("model"), broken, { recursive: true });
    const file = join(broken, name);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from("x")]));
    const use = async () => {
      const model = await openAnyModel(broken);
      try {
        await model.encode(new Float32Array(768).fill(0.5), 1);
      } finally {
        model.dispose();
      }
    };
    await expect(use()).rejects.toThrow(`${file} was changed or cut short`);
    await expect(verifyModelFolder(broken)).rejects.toThrow(DataError);
  });

  test("one of a newer format", async () => {
    cpSync(path("model"), path("newer"), { recursive: true });
    const config = { ...configOf("model"), format: 2 };
    writeFileSync(join(path("newer"), "config.json"), JSON.stringify(config));
    await expect(openAnyModel(path("newer"))).rejects.toThrow(
      "has format 2, newer than this program's 1: update pioneer",
    );
  });

  test("an engine that cannot compute it", async () => {
    await expect(openAnyModel(path("model"), { engine: "torch" })).rejects.toThrow(ConfigError);
    await expect(openAnyModel(path("run"), { engine: "onnx" })).rejects.toThrow("is not a model folder");
    await expect(openAnyModel(path("model"), { device: "cuda" })).rejects.toThrow("on the CPU here");
  });
});

test("fixtures/model-tiny computes what libtorch computed of it", async () => {
  const expected = JSON.parse(readFileSync(fixture("model-tiny.expected.json"), "utf8")) as Record<
    "latents" | "images" | "codes",
    number[]
  >;
  await verifyModelFolder(fixture("model-tiny"));
  const model = await openAnyModel(fixture("model-tiny"));
  const images = await model.decode(Float32Array.from(expected.latents), 3);
  // The file's numbers are rounded to six digits.
  expect(differenceOf(images, Float32Array.from(expected.images)).largest).toBeLessThan(1e-5);
  const codes = await model.encode(images, 3);
  expect(differenceOf(codes, Float32Array.from(expected.codes)).largest).toBeLessThan(1e-5);
  model.dispose();
});
