import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { normalizeLatents, Pioneer, type PioneerModel, sampleLatents } from "../src/index.ts";
import { changedModel, expected, fixture, inRepository, oneDirection, worst } from "./support/fixtures.ts";

const size = 3 * 16 * 16;
const photo = readFileSync(fixture("imagefolder/faces/color/a.jpg"));

let model: PioneerModel;
beforeAll(async () => {
  model = await Pioneer.load(fixture("model-tiny"), { batch: 4 });
});
afterAll(() => model.dispose());

describe("networks", () => {
  // The file keeps 6 decimals; ONNX Runtime and libtorch differed by 2e-6 at most here on 2026-11-23.
  test("compute what libtorch computed, and sample its latents", async () => {
    const { latents, images, seed } = await model.sample(3, 1, { as: "array" });
    expect(seed).toBe(1);
    expect(images.shape).toEqual([3, 3, 16, 16]);
    expect(worst(latents, expected.latents)).toBeLessThan(1e-6);
    expect(worst(images.data, expected.images)).toBeLessThan(1e-5);
    expect(worst(await model.encode(images), expected.codes)).toBeLessThan(1e-5);
  });

  // The command computes with ONNX Runtime too, in a process of its own: the same pixels, but for a value that lies on
  // the border between two levels.
  test("draw what `pioneer sample --seed` draws", async () => {
    const out = mkdtempSync(join(tmpdir(), "pioneer-sample-"));
    onTestFinished(() => rmSync(out, { recursive: true, force: true }));
    const args = ["sample", "--model", fixture("model-tiny"), "--out", out, "--count=5", "--seed=42", "--scale=1"];
    execFileSync(process.execPath, [inRepository("packages/pioneer/bin/pioneer.js"), ...args]);
    const { images } = await model.sample(5, 42, { as: "image" });
    for (const [i, image] of images.entries()) {
      const file = join(out, `sample-${String(i + 1).padStart(6, "0")}.png`);
      const pixels = await sharp(file).ensureAlpha().raw().toBuffer();
      expect(
        worst(
          pixels.filter((_, at) => at % 4 !== 3),
          image.data.filter((_, at) => at % 4 !== 3),
        ),
      ).toBeLessThanOrEqual(1);
    }
  });

  test("sample without a seed draws one, which gives the same again", async () => {
    const { latents, images, seed } = await model.sample();
    expect(images).toMatchObject([{ width: 16, height: 16 }]);
    expect(await model.sample(1, seed)).toEqual({ latents, images, seed });
    expect((await model.sample(1)).seed).not.toBe(seed);
  });

  test("give the same for many at once as for each alone, and nothing for none", async () => {
    const { latents, images } = await model.sample(11, 5, { as: "array" });
    for (const i of [0, 4, 10]) {
      const alone = await model.decode(latents.subarray(16 * i, 16 * (i + 1)), { as: "array" });
      expect(worst(alone.data, images.data.subarray(size * i, size * (i + 1)))).toBeLessThan(1e-5);
    }
    expect((await model.sample(0, 5)).images).toEqual([]);
    expect((await model.encode([])).length).toBe(0);
  });

  test("calls at the same time each get their own answer; a failed one disturbs none", async () => {
    const { latents, images } = await model.sample(6, 9, { as: "array" });
    const rows = Array.from({ length: 6 }, (_, i) => latents.subarray(16 * i, 16 * (i + 1)));
    const calls = rows.map((row) => model.decode(row, { as: "array" }));
    const failed = model.decode(new Float32Array(16));
    await expect(failed).rejects.toThrow("latent 1 has length 0.000, not 1");
    for (const [i, image] of (await Promise.all(calls)).entries()) {
      expect(worst(image.data, images.data.subarray(size * i, size * (i + 1)))).toBeLessThan(1e-5);
    }
  });

  test("let the rest of a program have its turn between batches of eight", async () => {
    const whole = await Pioneer.load(fixture("model-tiny"), { parts: ["generator"] });
    onTestFinished(() => whole.dispose());
    let turns = 0;
    const count = () => {
      turns++;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    await whole.decode(sampleLatents(64, 16, 1));
    clearImmediate(turning);
    expect(turns).toBeGreaterThanOrEqual(64 / 8 - 1);
  });

  test("stop between batches when the signal is aborted", async () => {
    await expect(model.sample(8, 1, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
    expect((await model.sample(8, 1)).images.length).toBe(8);
  });
});

describe("images", () => {
  test("of a file, its Blob, its pixels: one latent; of length 1", async () => {
    const { data, info } = await sharp(photo).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    const pixels = { data: new Uint8Array(data), width: info.width, height: info.height };
    const [file, blob, buffer] = [
      photo,
      new Blob([photo]),
      photo.buffer.slice(photo.byteOffset, photo.byteOffset + photo.length),
    ];
    const latents = await model.encode([file, blob, buffer as ArrayBuffer]);
    const rows = [0, 1, 2].map((i) => latents.subarray(16 * i, 16 * (i + 1)));
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
    expect(Math.abs(Math.hypot(...(rows[0] ?? [])) - 1)).toBeLessThan(1e-6);
    // Pixels do not say that they were a JPEG, which a pack would have shrunk while reading.
    const fromPixels = await model.encode(pixels);
    expect(fromPixels.reduce((sum, value, i) => sum + value * (rows[0]?.[i] ?? 0), 0)).toBeGreaterThan(0.99);
  });

  test("come out as numbers, pixels or PNG files of the same values", async () => {
    const { data: planes } = await model.reconstruct(photo, { as: "array" });
    const [image] = await model.reconstruct(photo);
    const [png] = await model.reconstruct([photo], { as: "png" });
    expect(image).toMatchObject({ width: 16, height: 16 });
    const red = Array.from({ length: 256 }, (_, i) => image?.data[4 * i] ?? Number.NaN);
    const wanted = Array.from(planes.subarray(0, 256), (value) => Math.min(255, Math.max(0, (value + 1) * 127.5)));
    expect(worst(red, wanted)).toBeLessThanOrEqual(0.5001);
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([16, 16, 3]);
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual(red);
  });

  test("that are none are refused, and named where there are several", async () => {
    const cut = readFileSync(fixture("imagefolder/faces/color/truncated.jpg"));
    await expect(model.encode([photo, cut])).rejects.toThrow(/^image 2 of 2: an image file cannot be decoded: /);
    await expect(model.encode(new Uint8Array(0))).rejects.toThrow("an image file is empty (0 bytes)");
    await expect(model.encode("/no/photo.jpg")).rejects.toThrow("/no/photo.jpg: there is no such file");
    await expect(model.encode({ lies: true } as never)).rejects.toThrow("Object is no image: give a path, the bytes");
    await expect(model.encode(new Float32Array(5))).rejects.toThrow("images of 3 x 16 x 16 values, got 5 values");
    await expect(model.encode(new Float32Array(2 * size).fill(200, size))).rejects.toThrow("image 2 has the value 200");
    await expect(model.encode(new Float32Array(size).fill(Number.NaN))).rejects.toThrow("image 1 has the value NaN");
    await expect(model.decode(sampleLatents(1, 16, 0), { as: "gif" as "png" })).rejects.toThrow('there is no "gif"');
  });
});

describe("latents", () => {
  test("of a wrong number, not of length 1, or not finite are refused with their row", async () => {
    const good = sampleLatents(2, 16, 3);
    await expect(model.decode(good.subarray(1))).rejects.toThrow("a whole number of latents of 16 numbers, got 31");
    await expect(model.decode(good.map((value, i) => (i < 16 ? value : 2 * value)))).rejects.toThrow(
      "latent 2 has length 2.000, not 1: divide it by its length",
    );
    await expect(model.decode(good.map((value, i) => (i === 20 ? Number.NaN : value)))).rejects.toThrow(
      "latent 2 has a value that is not a finite number",
    );
    expect(() => model.slerp(good, good, 0.5)).toThrow("slerp: expected one latent of 16 numbers, got 2");
    expect(() => model.grid(good, 3)).toThrow("grid: expected 4 latents, one for each corner, got 2");
  });

  test("between them: halfway is as far from both, and a grid has its corners", () => {
    const corners = sampleLatents(4, 16, 3);
    const [a, b] = [corners.subarray(0, 16), corners.subarray(16, 32)];
    const middle = model.slerp(a, b, 0.5);
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
    expect(Math.abs(dot(middle, a) - dot(middle, b))).toBeLessThan(1e-6);
    const grid = model.grid(corners, 5);
    expect(grid.length).toBe(25 * 16);
    expect(worst(grid.subarray(0, 16), a)).toBeLessThan(1e-6);
    expect(worst(grid.subarray(24 * 16), corners.subarray(48))).toBeLessThan(1e-6);
  });

  test("an edit adds strength · unit · vector and goes back to the sphere", async () => {
    const edited = await Pioneer.load(changedModel({ files: { "directions.json": oneDirection } }), {
      parts: ["directions"],
    });
    const latents = sampleLatents(2, 16, 8);
    const moved = edited.edit(latents, { smile: 1.5 });
    const by = Float64Array.from(latents, (value, i) => value + (i % 16 === 0 ? 1.5 * 0.25 : 0));
    expect(worst(moved, normalizeLatents(by, 16))).toBeLessThan(1e-7);
    expect(edited.edit(latents, {})).toEqual(normalizeLatents(latents, 16));
    expect(() => edited.edit(latents, { frown: 1 })).toThrow('there is no direction "frown"');
    expect(() => edited.edit(latents, { smile: Number.NaN })).toThrow("smile");
    expect(() => edited.edit(latents, { smile: 1e300 })).toThrow("the strengths are too large");
    expect(() => edited.edit(latents, "smile" as never)).toThrow("expected strengths by name, such as {smile: 1.5}");
    expect(() => model.edit(latents, { smile: 1 })).toThrow('"smile"');
  });
});

describe("refine", () => {
  test("brings the reconstruction closer, keeps the best, and reports each step", async () => {
    const errors: number[] = [];
    const refined = await model.refine(photo, { steps: 20, onStep: (_step, error) => errors.push(error) });
    expect(refined.error).toBeLessThan(0.97 * refined.firstError);
    expect(errors.at(-1)).toBe(refined.error);
    expect(errors).toEqual([...errors].sort((a, b) => b - a));
    const [again] = [await model.refine(photo, { from: [...refined.latent], steps: 0 })];
    expect(Math.abs(again.error - refined.error)).toBeLessThan(1e-6);
  });

  test("takes one image and whole steps", async () => {
    await expect(model.refine(new Float32Array(2 * size))).rejects.toThrow("expected one image, got 2");
    await expect(model.refine(photo, { steps: 1.5 })).rejects.toThrow("whole number of steps, got 1.5");
  });
});

test("a model that was disposed of says so; what waited is still computed", async () => {
  const short = await Pioneer.load(fixture("model-tiny"));
  const waiting = short.sample(2, 1);
  await short.dispose();
  expect((await waiting).images.length).toBe(2);
  await short.dispose();
  await expect(short.sample(1, 1)).rejects.toThrow("this model was disposed of: load it again");
});
