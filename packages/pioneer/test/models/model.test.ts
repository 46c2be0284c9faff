import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noGrad, scope, tensor } from "pioneer-torch";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { CheckpointError } from "../../src/base/errors.ts";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { openModel } from "../../src/models/model.ts";
import { facts } from "../checkpoint/support.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { tinyLearner, train } from "../support/tiny.ts";

const folder = temporaryFolder();
const run = join(folder, "run");
const learner = tinyLearner();
beforeAll(() => {
  mkdirSync(run);
  writeCheckpoint(run, learner, facts(1000));
  train(learner, 3, { growth: { phase: 1, alpha: 1 } });
  writeCheckpoint(run, learner, facts(2000));
});
const options = { device: "cpu", threads: 1 } as const;
const images = Float32Array.from({ length: 2 * 3 * 64 }, (_, i) => Math.sin(i));

describe("a run as a model", () => {
  test("is its newest checkpoint: what it says of itself", async () => {
    const model = await openModel(run, options);
    const { resolution, latent, colour, crop } = model;
    expect({ resolution, latent, colour, crop }).toEqual({ resolution: 8, latent: 8, colour: "rgb", crop: "center" });
    model.dispose();
  });

  test("encodes with the encoder and decodes with the averaged generator, to the bit", async () => {
    const model = await openModel(run, options);
    const growth = { phase: 1, alpha: 1 };
    const [encoded, pictures] = noGrad(() =>
      scope(() => {
        const x = tensor(images, [2, 3, 8, 8]);
        const z = learner.encoder.prepare(growth, "fp32", "keep")(x);
        return [z.toFloat32Array(), learner.generatorEma.prepare(growth, "fp32")(z).toFloat32Array()];
      }),
    ) as [Float32Array, Float32Array];
    expect(await model.encode(images, 2)).toEqual(encoded);
    expect(await model.decode(encoded, 2)).toEqual(pictures);
    for (const row of [encoded.subarray(0, 8), encoded.subarray(8)])
      expect(Math.abs(Math.hypot(...row) - 1)).toBeLessThan(1e-6);
    model.dispose();
  });

  test("one image more or less, and asking twice, change nothing about an image", async () => {
    const model = await openModel(run, options);
    const both = await model.encode(images, 2);
    const one = await model.encode(images.slice(0, 192), 1);
    // Float32 sums over another batch size may be ordered in another way.
    for (const [i, value] of one.entries()) expect(Math.abs(value - (both[i] as number))).toBeLessThan(1e-6);
    expect(await model.encode(images, 2)).toEqual(both);
    model.dispose();
  });

  test("a checkpoint folder can be opened as well", async () => {
    const [old, now] = await Promise.all(
      ["checkpoint-00000001", "checkpoint-00000002"].map((name) => openModel(join(run, name), options)),
    );
    const newest = await openModel(run, options);
    expect(await now?.encode(images, 2)).toEqual(await newest.encode(images, 2));
    expect(await old?.encode(images, 2)).not.toEqual(await newest.encode(images, 2));
    for (const model of [old, now, newest]) model?.dispose();
  });

  test("dispose() frees everything", async () => {
    const left = await leftBehind(async () => {
      const model = await openModel(run, options);
      await model.decode(new Float32Array(16).fill(0.35), 2);
      model.dispose();
    });
    expect(left).toEqual(nothing);
  });
});

describe("no model", () => {
  test("a folder without checkpoints, and one that is not there", async () => {
    for (const [path, what] of [
      [folder, "holds no checkpoint:"],
      [join(folder, "nowhere"), "is not there: check the path, or"],
    ] as const) {
      const opening = openModel(path, options);
      await expect(opening).rejects.toThrow(CheckpointError);
      await expect(opening).rejects.toThrow(
        `${path} ${what} give --model a run folder (with checkpoint-... in it), a checkpoint or a model folder`,
      );
    }
  });

  test("a damaged checkpoint of a run with an older one, which is offered", async () => {
    const place = join(folder, "two");
    const older = writeCheckpoint(place, learner, facts(1000));
    const path = join(writeCheckpoint(place, learner, facts(2000)), "networks.safetensors");
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await expect(openModel(place, options)).rejects.toThrow(
      `; the newest whole checkpoint of the run is ${older}: give that instead`,
    );
  });

  test("weights that are not finite, whose digest is right", async () => {
    const broken = tinyLearner();
    broken.generatorEma.parameter("to_rgb.1.bias").fill_(Number.NaN);
    const path = writeCheckpoint(join(folder, "nan"), broken, facts());
    const model = await openModel(path, options);
    const latents = Float32Array.from({ length: model.latent }, (_, i) => Number(i === 0));
    await expect(model.decode(latents, 1)).rejects.toThrow(
      `${path} computes values that are no finite numbers: its weights are damaged; give another checkpoint, or copy it again`,
    );
    model.dispose();
  });

  test("a damaged checkpoint", async () => {
    const whole = writeCheckpoint(join(folder, "damaged"), learner, facts());
    const path = join(whole, "networks.safetensors");
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await expect(openModel(whole, options)).rejects.toThrow(`${path} was changed or cut short`);
  });
});
