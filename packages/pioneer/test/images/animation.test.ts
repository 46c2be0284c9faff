import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { latentLoop, latentRing } from "pioneer-runtime";
import type { Model } from "pioneer-runtime/internal";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { animate } from "../../src/images/animation.ts";
import { writeMorph } from "../../src/images/morph.ts";
import { encodePhotos } from "../../src/images/subjects.ts";
import { turnsFor, writeWalk } from "../../src/images/walk.ts";
import { toByte } from "../../src/pictures/grid.ts";
import { headingHeight } from "../../src/pictures/lettering.ts";
import { checkPicturePlace } from "../../src/pictures/mark.ts";
import { writePng } from "../../src/pictures/png.ts";

const folder = temporaryFolder();

/**
 * A model in closed form: each pixel's channel c is latent[c] times how far down the pixel is, so that a latent's image has
 * `side` colours; with `many`, of each channel's own slant, so that it has far more than a GIF holds.
 */
function model(side: number, { grey = false, many = false } = {}): Model {
  const pixel = (latents: Float32Array, image: number, channel: number, at: number) => {
    const [x, y] = [(at % side) / side, Math.floor(at / side) / side];
    const slope = many ? [x, y, (x + y) / 2][grey ? 2 : channel] : y;
    return (latents[4 * image + (grey ? 0 : channel)] as number) * (1 - (slope as number));
  };
  return {
    resolution: side,
    latent: 4,
    colour: grey ? "grey" : "rgb",
    crop: "center",
    align: null,
    async encode(images, count) {
      return Float32Array.from({ length: 4 * count }, (_, i) =>
        i % 4 === Math.round(Math.abs(images[i] ?? 0)) ? 1 : 0,
      );
    },
    async decode(latents, count) {
      const area = side * side;
      return Float32Array.from({ length: count * 3 * area }, (_, i) =>
        pixel(latents, Math.floor(i / (3 * area)), Math.floor(i / area) % 3, i % area),
      );
    },
    dispose() {},
  };
}

const ring = latentRing([Float32Array.of(1, 0, 0, 0), Float32Array.of(0, 0.6, 0.8, 0)], 10);

/** All frames of an animation as sharp reads them. */
async function read(path: string): Promise<{ delays: number[]; loop: number; side: number; frames: Buffer[] }> {
  const { pages = 1, pageHeight = 0, delay = [], loop = -1 } = await sharp(path, { animated: true }).metadata();
  const frames = await Promise.all(
    Array.from({ length: pages }, (_, page) =>
      sharp(path, { page }).removeAlpha().toColourspace("srgb").raw().toBuffer(),
    ),
  );
  return { delays: delay, loop, side: pageHeight, frames };
}

/** The frames of latents as bytes [side * scale, side * scale, 3]. */
async function expected(of: Model, latents: Float32Array, scale: number): Promise<Uint8Array[]> {
  const { resolution: side } = of;
  const count = latents.length / 4;
  const images = await of.decode(latents, count);
  const width = side * scale;
  return Array.from({ length: count }, (_, frame) =>
    Uint8Array.from({ length: 3 * width * width }, (__, i) => {
      const [x, y] = [Math.floor((Math.floor(i / 3) % width) / scale), Math.floor(Math.floor(i / 3) / width / scale)];
      return toByte(images[((frame * 3 + (i % 3)) * side + y) * side + x] as number);
    }),
  );
}

const worst = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((max, value, i) => Math.max(max, Math.abs(value - (b[i] ?? 999))), 0);

describe("GIF", () => {
  test.each([
    ["grey", { grey: true, many: true }],
    ["of few colours", {}],
  ])("frames %s come back exactly, enlarged, with their delay, and repeat for ever", async (name, how) => {
    const of = model(16, how);
    const path = join(folder, name);
    expect(await animate(of, ring, path, { gif: true, mp4: false, fps: 25, frameScale: 3 })).toEqual([`${path}.gif`]);
    const { delays, loop, side, frames } = await read(`${path}.gif`);
    expect([side, loop, frames.length, ...new Set(delays)]).toEqual([48, 0, 20, 40]);
    for (const [i, frame] of (await expected(of, ring, 3)).entries()) expect(worst(frame, frames[i] as Buffer)).toBe(0);
  });

  test("frames of more than 256 colours are near, each with a palette of its own", async () => {
    const of = model(32, { many: true });
    const path = join(folder, "many");
    const told: number[] = [];
    await animate(of, ring, path, { gif: true, mp4: false, fps: 20, onFrame: (done) => told.push(done) });
    expect(told).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    const { side, frames } = await read(`${path}.gif`);
    expect([side, frames.length]).toEqual([256, 20]); // 8 times: to 256 pixels
    for (const [i, frame] of (await expected(of, ring, 8)).entries()) {
      const mean = frame.reduce((sum, value, at) => sum + Math.abs(value - (frames[i]?.[at] ?? 999)), 0) / frame.length;
      // 1024 colours in 256: a palette that fits leaves some levels (2 here), one of another frame many times that.
      expect(mean).toBeLessThan(4);
    }
  });

  test("a rate that hundredths of a second do not divide keeps time over the whole", async () => {
    const path = join(folder, "uneven");
    await animate(model(16), ring, path, { gif: true, mp4: false, fps: 30, frameScale: 1 });
    const { delays } = await read(`${path}.gif`);
    expect(new Set(delays)).toEqual(new Set([30, 40]));
    expect(delays.reduce((a, b) => a + b)).toBe(670); // 20 / 30 s
  });

  test("replaces what was made before, and no file of the user's", async () => {
    const path = join(folder, "replaced");
    const make = () => animate(model(16), ring, path, { gif: true, mp4: false, fps: 20, frameScale: 1 });
    await make();
    await make();
    const content = Buffer.concat([readFileSync(`${path}.gif`).subarray(0, 900), Buffer.from("cut")]);
    writeFileSync(`${path}.gif`, content);
    await expect(make()).rejects.toThrow(`${path}.gif is a GIF picture that this program did not write, and stays: `);
    expect(readFileSync(`${path}.gif`).equals(content)).toBe(true);
  });

  test("a file that cannot be written is named, and nothing stays", async () => {
    const at = join(folder, "blocked");
    mkdirSync(join(at, "loop.gif", "in the way"), { recursive: true });
    await expect(animate(model(16), ring, join(at, "loop"), { gif: true, mp4: false, fps: 20 })).rejects.toThrow(
      /blocked\/loop\.gif: /,
    );
    expect(readdirSync(at)).toEqual(["loop.gif"]);
  });
});

describe("loops", () => {
  test("a walk goes round, farther in more time at no more than a radian a second", async () => {
    const of = model(16, { grey: true });
    const out = join(folder, "walk");
    const options = { out, seed: 3, gif: true, mp4: false, fps: 10, seconds: 4, frameScale: 1 };
    const { files, angle } = await writeWalk(of, options);
    expect(files).toEqual([join(out, "walk.gif")]);
    const { frames } = await read(files[0] as string);
    const wanted = await expected(of, latentLoop(40, 4, 2, 3), 1);
    expect(frames.length).toBe(40);
    for (const [i, frame] of wanted.entries()) expect(worst(frame, frames[i] as Buffer)).toBe(0);
    expect(angle).toBeCloseTo((2 * Math.PI * Math.sqrt(2.5)) / 40, 12);
    // 2π sqrt(mean of k²): 9.93 for 2, 13.57 for 3, 35.1 for 9, 38.98 for 10.
    expect([3, 12, 14, 36, 39].map((seconds) => turnsFor(seconds, 128))).toEqual([2, 2, 3, 9, 10]);
    expect([turnsFor(36, 10), turnsFor(36, 3), turnsFor(36, 2)]).toEqual([5, 1, 1]);
  });

  test("interpolate: round the photos and back, each photo's own picture among the frames", async () => {
    const photos = [0, 255].map((value) => ({ path: join(folder, `${value}.png`), value }));
    for (const { path, value } of photos) {
      await writePng(path, { pixels: new Uint8Array(16 * 16 * 3).fill(value), width: 16, height: 16 });
    }
    const of = model(16);
    const out = join(folder, "morph");
    const morph = { out, steps: 3, gif: true, mp4: false, fps: 10, seconds: 2, frameScale: 1 };
    const paths = photos.map(({ path }) => path);
    const ends = { ...of, encode: async () => ring.slice(0, 4 * 11).filter((_, i) => i < 4 || i >= 40) };
    const written = await writeMorph(ends, await encodePhotos(ends, paths), morph);
    expect(written.files.map((file) => file.slice(out.length + 1))).toEqual([
      "step-01.png",
      "step-02.png",
      "step-03.png",
      "morph.gif",
      "grid.png",
    ]);
    const { frames } = await read(join(out, "morph.gif"));
    const steps = await Promise.all(
      [1, 2, 3].map((n) =>
        sharp(join(out, `step-0${n}.png`))
          .raw()
          .toBuffer(),
      ),
    );
    expect(frames.length).toBe(20);
    expect([frames[0], frames[5], frames[10]]).toEqual(steps);
    expect(frames[15]).toEqual(frames[5]);
  });
});

test("interpolate six: a hexagon, each photo half a cell outside its corner", async () => {
  const paths = Array.from({ length: 6 }, (_, i) => join(folder, `corner-${i}.png`));
  for (const [i, path] of paths.entries()) {
    await writePng(path, { pixels: new Uint8Array(16 * 16 * 3).fill(40 * i), width: 16, height: 16 });
  }
  // Latents whose red is the order of the photos; pictures of one colour.
  const of: Model = {
    ...model(16),
    encode: async () =>
      Float32Array.from({ length: 24 }, (_, i) => (i % 4 === 0 ? Math.floor(i / 4) / 8 : i % 4 === 3 ? 1 : 0)),
    decode: async (latents, count) =>
      Float32Array.from({ length: count * 768 }, (_, i) => {
        const row = Math.floor(i / 768);
        return (latents[4 * row] as number) / (latents[4 * row + 3] as number);
      }),
  };
  const out = join(folder, "hexagon");
  const written = await writeMorph(of, await encodePhotos(of, paths), { out, steps: 3 });
  expect(written.files.length).toBe(20);
  expect(written.files.slice(3, 5).map((file) => file.slice(out.length + 1))).toEqual([
    "cell-02-01.png",
    "cell-02-02.png",
  ]);
  const { data, info } = await sharp(written.grid).raw().toBuffer({ resolveWithObject: true });
  const above = headingHeight(64);
  expect([info.width, info.height]).toEqual([7 * 66 + 64, above + 5 * 66 - 2]);
  const at = (column: number, row: number) =>
    data[((above + row * 66 + 32) * info.width + Math.floor(column * 66) + 32) * 3];
  // Photos, then the cells beside them: rows begin 1.5 cells from the left, or half a cell more for each cell they lack.
  const places = [
    [1, 0, 2.5],
    [6, 0, 4.5],
    [7, 2, 5.5],
    [6, 4, 4.5],
    [1, 4, 2.5],
    [0, 2, 1.5],
  ] as const;
  for (const [k, [photo, row, cell]] of places.entries()) {
    expect(at(photo, row)).toBe(40 * k);
    expect(Math.abs((at(cell, row) ?? 999) - toByte(k / 8))).toBeLessThanOrEqual(1);
  }
  expect([at(0, 0), at(7, 4)]).toEqual([255, 255]);
});

const bin = fileURLToPath(new URL("../../bin/pioneer.js", import.meta.url));
const pioneer = (args: string[], env: NodeJS.ProcessEnv = process.env) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: folder,
    encoding: "utf8",
    env,
  });
  return { status, stdout, stderr };
};

describe("the command line refuses before any work", () => {
  const model = ["--model", "nowhere", "--out", "none"];
  test.each([
    [
      ["interpolate", ...model, "a.png", "b.png", "--mp4"],
      "--mp4: ffmpeg is not on the PATH; install it (apt-get install ffmpeg, brew install ffmpeg), or take --gif",
    ],
    [
      ["interpolate", ...model, "a.png", "b.png", "--seconds", "4"],
      "--seconds 4 is for animations: give --gif or --mp4 too, or leave it out",
    ],
    [["sample", ...model, "--gif"], "--gif is for a walk here: give --walk too, or leave it out"],
    [["sample", ...model, "--walk", "--grid"], "--grid shows single images: leave it out with --walk"],
    [["sample", ...model, "--walk", "--fps", "60"], "--fps: expected a whole number from 1 to 50, got 60"],
    [
      ["interpolate", ...model, "a.png"],
      "interpolate: give 2 photos for a strip, 4 for a square, 6 for a hexagon or any other number for a path, got 1",
    ],
  ])("%s", (args, line) => {
    const empty = { ...process.env, PATH: folder };
    expect(pioneer(args, empty)).toEqual({ status: 2, stdout: "", stderr: `pioneer: ${line}\n` });
    expect(existsSync(join(folder, "none"))).toBe(false);
  });
});

const hasFfmpeg = / libx264 /.test(
  spawnSync("ffmpeg", ["-hide_banner", "-encoders"], { encoding: "utf8" }).stdout ?? "",
);
if (!hasFfmpeg) console.log("MP4 tests are skipped: no ffmpeg with libx264 on the PATH");

describe.runIf(hasFfmpeg)("MP4", () => {
  const options = { gif: false, mp4: true, fps: 25, frameScale: 8 };

  test("every frame comes back, in its colours, at its rate", async () => {
    const of = model(16);
    const path = join(folder, "film");
    expect(await animate(of, ring, path, options)).toEqual([`${path}.mp4`]);
    await checkPicturePlace(`${path}.mp4`); // known as ours
    const said = spawnSync("ffmpeg", ["-hide_banner", "-i", `${path}.mp4`], { encoding: "utf8" }).stderr;
    expect(said).toMatch(/Duration: 00:00:00\.80/);
    expect(said).toMatch(/Video: h264 .* yuv420p\(tv, bt709.*, 128x128.*, 25 fps/);
    const args = `-loglevel error -i ${path}.mp4 -f rawvideo -pix_fmt rgb24 -`.split(" ");
    const { stdout } = spawnSync("ffmpeg", args, { maxBuffer: 2 ** 26 });
    const size = 128 * 128 * 3;
    expect(stdout.length).toBe(20 * size);
    for (const [i, frame] of (await expected(of, ring, 8)).entries()) {
      const film = stdout.subarray(i * size, (i + 1) * size);
      const mean = frame.reduce((sum, value, at) => sum + Math.abs(value - (film[at] as number)), 0) / size;
      expect(mean).toBeLessThan(3); // limited range and crf 16: 1 or 2 levels; a wrong matrix or order is tens
    }
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("when ffmpeg cannot write, the file is named and nothing stays", async () => {
    const at = join(folder, "blocked-film");
    mkdirSync(join(at, "film.mp4", "in the way"), { recursive: true });
    await expect(animate(model(16), ring, join(at, "film"), options)).rejects.toThrow(/blocked-film\/film\.mp4: /);
    expect(readdirSync(at)).toEqual(["film.mp4"]);
  });
});
