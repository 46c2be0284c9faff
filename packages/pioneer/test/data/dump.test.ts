import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { PioneerError } from "../../src/base/errors.ts";
import { type DumpOptions, dumpImages } from "../../src/data/dump.ts";
import { resizeAsAuthors } from "../../src/data/dump-authors.ts";
import type { Pack } from "../../src/data/pack/pack.ts";
import { decodeWhole, type RawImage } from "../../src/data/pixels/decode.ts";
import { resizeBilinear } from "../../src/data/pixels/pillow.ts";
import { prepareDataset } from "../../src/data/prepare.ts";
import { openSource } from "../../src/data/sources/open.ts";
import { fixture } from "../support/fixture.ts";
import { writeFiles } from "./support.ts";

const at = (name: string) => fixture(`datasets/${name}`);
const folder = temporaryFolder();
const out = (name: string) => join(folder, name);

let pack: Pack;
beforeAll(async () => {
  pack = (await prepareDataset({ source: at("cifar-10-batches-bin"), out: out("cifar.pack") })).pack;
});

const readPng = async (path: string): Promise<RawImage> => {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(3);
  return { width: info.width, height: info.height, pixels: new Uint8Array(data) };
};

/** Mean of the f x f pixels around each, at the smaller size. */
function means({ width, pixels }: RawImage, factor: number): number[] {
  const side = width / factor;
  return Array.from({ length: side * side * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3];
    let sum = 0;
    for (let dy = 0; dy < factor; dy++) {
      for (let dx = 0; dx < factor; dx++) {
        sum += pixels[((y * factor + dy) * width + x * factor + dx) * 3 + c] as number;
      }
    }
    return sum / factor ** 2;
  });
}

/** Half a step of rounding to 8 bits, and float32's. */
const rounding = 0.5 + 1e-3;

async function refusal(options: DumpOptions): Promise<string> {
  const error = await dumpImages(options).then(
    () => new Error("dumped"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(PioneerError);
  expect((error as Error).message).not.toContain("\n");
  expect(readdirSync(folder).filter((name) => /\.(part|writing)/.test(name))).toEqual([]);
  return (error as Error).message;
}

describe("from a pack", () => {
  test("at its own resolution: the pack's very pixels, of the training images", async () => {
    const { files, resolution } = await dumpImages({ source: pack.path, out: out("own") });
    expect(resolution).toBe(32);
    expect(files).toEqual(Array.from({ length: 8 }, (_, i) => `0000000${i}.png`));
    expect(readdirSync(out("own")).sort()).toEqual(files);
    for (const [i, file] of files.entries()) {
      expect(Buffer.from((await readPng(join(out("own"), file))).pixels)).toEqual(Buffer.from(pack.readImages([i])));
    }
  });

  test("a folder of the user's beside it, of any name, stays", async () => {
    const path = join(writeFiles(`${out("beside")}.part`, { "mine.txt": "mine" }), "mine.txt");
    await dumpImages({ source: pack.path, out: out("beside") });
    expect(existsSync(path)).toBe(true);
    rmSync(`${out("beside")}.part`, { recursive: true });
  });

  test("at a lower phase, faded: 0.3 of the 2x2 means and 0.7 of those of half the size", async () => {
    await dumpImages({ source: pack.path, out: out("faded"), phase: 2, alpha: 0.3, split: "test" });
    expect(readdirSync(out("faded")).sort()).toEqual(["00000008.png", "00000009.png", "00000010.png", "00000011.png"]);
    const whole = { width: 32, height: 32, pixels: pack.readImages([10]) };
    const [full, half] = [means(whole, 2), means(whole, 4)];
    const { width, pixels } = await readPng(join(out("faded"), "00000010.png"));
    expect(width).toBe(16);
    for (const [i, value] of pixels.entries()) {
      const [x, y, c] = [Math.floor(i / 3) % 16, Math.floor(i / 48), i % 3];
      const low = half[((y >> 1) * 8 + (x >> 1)) * 3 + c] as number;
      expect(Math.abs(value - (0.3 * (full[i] as number) + 0.7 * low))).toBeLessThanOrEqual(rounding);
    }
  });

  test("some of them, the same ones each time; another seed, others", async () => {
    const dump = async (name: string, seed?: number) => {
      const count = 5;
      return (await dumpImages({ source: pack.path, out: out(name), phase: 0, split: "all", count, seed })).files;
    };
    const first = await dump("some1");
    expect(first).toHaveLength(5);
    expect(await dump("some2")).toEqual(first);
    expect(await dump("some3", 1)).not.toEqual(first);
  });
});

describe("resized as the authors do", () => {
  test("CelebA: 128, the middle of it, then the resolution, and half of that for the fade", async () => {
    const options = { source: at("celeba"), resize: "authors", phase: 3 } as const;
    await dumpImages({ ...options, out: out("authors"), split: "all" });
    await dumpImages({ ...options, out: out("authors-faded"), split: "all", alpha: 0.25 });
    const source = await openSource(at("celeba"), undefined);
    for await (const content of source.contents([0, 7])) {
      const { index } = content;
      const x = resizeAsAuthors(await decodeWhole((await content.read()) as Buffer), 32, "celeba");
      const name = `0000000${index}.png`;
      expect((await readPng(join(out("authors"), name))).pixels).toEqual(x.pixels);
      const half = resizeBilinear(x, 16, 16).pixels;
      const faded = await readPng(join(out("authors-faded"), name));
      for (const [i, value] of faded.pixels.entries()) {
        const low = half[(Math.floor(i / 192) * 16 + (Math.floor(i / 6) % 16)) * 3 + (i % 3)] as number;
        expect(Math.abs(value - (0.25 * (x.pixels[i] as number) + 0.75 * low))).toBeLessThanOrEqual(rounding);
      }
    }
    await source.close();
  });

  test("CelebA-HQ: the file's own levels", async () => {
    const name = "celebahq_gzip.h5";
    await dumpImages({ source: at(name), out: out("hq"), resize: "authors", phase: 3, alpha: 0.5, split: "all" });
    const [full, half] = [await openSource(at(name), 32), await openSource(at(name), 16)];
    const at3 = async (source: typeof full) => {
      for await (const content of source.contents([3])) return (await content.read()) as RawImage;
      throw new Error("no image");
    };
    const [x, low] = [(await at3(full)).pixels, (await at3(half)).pixels];
    const { pixels } = await readPng(join(out("hq"), "00000003.png"));
    for (const [i, value] of pixels.entries()) {
      const coarse = low[(Math.floor(i / 192) * 16 + (Math.floor(i / 6) % 16)) * 3 + (i % 3)] as number;
      expect(Math.abs(value - (0.5 * (x[i] as number) + 0.5 * coarse))).toBeLessThanOrEqual(rounding);
    }
    await full.close();
    await half.close();
  });

  test("broken images are skipped and named; with nothing else, nothing is written", async () => {
    const broken = writeFiles(out("broken"), { "a.png": "no" });
    const options = { source: broken, out: out("broken-out"), resize: "authors", phase: 0, split: "all" } as const;
    expect(await refusal(options)).toMatch(/none of its images can be used; the first, a\.png, cannot be decoded/);
    expect(existsSync(out("broken-out"))).toBe(false);
  });
});

test("what cannot be dumped is refused in one line, and nothing stays", async () => {
  const source = pack.path;
  expect(await refusal({ source, out: out("x"), phase: 4 })).toMatch(
    /^--phase 4 is 64x64, but .*cifar\.pack holds 32x32; give 0 to 3$/,
  );
  expect(await refusal({ source, out: out("x"), alpha: 1.5 })).toBe("alpha: expected a number from 0 to 1, got 1.5");
  expect(await refusal({ source, out: out("x"), split: "val" })).toMatch(
    /cifar\.pack has no images in the split val; give --split train or test or all$/,
  );
  expect(await refusal({ source, out: out("x"), count: 9 })).toMatch(
    /has 8 images in the split train, not 9; give a sm/,
  );
  expect(await refusal({ source, out: out("x"), resize: "authors", phase: 3 })).toMatch(
    /is a pack, whose images are resized already; give --resize authors the source/,
  );
  expect(await refusal({ source: at("celeba"), out: out("x"), resize: "authors" })).toMatch(/^phase: needed with/);
  expect(await refusal({ source: at("celeba"), out: out("x") })).toMatch(/celeba/);
  const hq = { source: at("celebahq.h5"), out: out("x"), resize: "authors", phase: 5 } as const;
  expect(await refusal(hq)).toMatch(/has no data128x128; it has 4, 8, 16, 32, 64/);
  mkdirSync(out("full"));
  writeFileSync(join(out("full"), "a.txt"), "mine");
  expect(await refusal({ source, out: out("full") })).toMatch(/full holds 1 files already; give a new folder$/);
  expect(readdirSync(out("full"))).toEqual(["a.txt"]);
  const controller = new AbortController();
  const onProgress = () => controller.abort();
  expect(await refusal({ source, out: out("x"), signal: controller.signal, onProgress })).toMatch(
    /stopped after \d of 8 images; nothing was kept/,
  );
  expect(existsSync(out("x"))).toBe(false);
});
