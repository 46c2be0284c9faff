// The command line as a user meets it: seconds from Enter to the first picture, and how fast packs are made.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { repository } from "./places.ts";
import { progress, run } from "./process.ts";
import { type Spread, spreadOf } from "./spread.ts";

export interface CommandTiming {
  readonly command: string;
  /** Until the first picture is there; of `info` until it has answered. */
  readonly seconds: Spread;
  readonly trials: number;
}

export interface PrepareTiming {
  readonly source: string;
  readonly resolution: number;
  readonly images: number;
  /** The whole command, its start included. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

const pioneer = join(repository, "packages", "pioneer", "bin", "pioneer.js");
const photos = 400;

async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "pioneer-bench-"));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function command(folder: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await run(process.execPath, [pioneer, ...args], {}, folder);
  if (code !== 0) throw new Error(`pioneer ${args.join(" ")} ended with ${code}: ${stderr.trim()}`);
  return (performance.now() - start) / 1000;
}

/** `dataset prepare` of drawn faces and of a folder of JPEGs of CelebA's size. */
export const timePrepare = (): Promise<PrepareTiming[]> =>
  withFolder(async (folder) => {
    await writePhotos(join(folder, "photos"));
    const resolution = 64;
    const sources = [
      { source: "procedural:faces", images: 2000, args: ["procedural:faces", "drawn.pack", "--count", "2000"] },
      { source: "folder of JPEGs, 178x218", images: photos, args: ["photos", "photos.pack"] },
    ];
    const timings: PrepareTiming[] = [];
    for (const { source, images, args } of sources) {
      progress(`dataset prepare: ${source}`);
      const seconds = await command(folder, ["dataset", "prepare", ...args, "--resolution", `${resolution}`]);
      timings.push({ source, resolution, images, seconds, imagesPerSecond: images / seconds });
    }
    return timings;
  });

/** Photo-like JPEGs: noise, blurred, so that they cost the decoder what photos do. */
async function writePhotos(folder: string): Promise<void> {
  mkdirSync(folder);
  const [width, height] = [178, 218];
  for (let i = 0; i < photos; i++) {
    const noise = { type: "gaussian" as const, mean: 128, sigma: 40 + (i % 40) };
    const image = sharp({ create: { width, height, channels: 3, background: "black", noise } }).blur(1.5);
    await image.jpeg({ quality: 90 }).toFile(join(folder, `${i}.jpg`));
  }
}

/** Each command some times on a small run that was made for it: 64x64, 128 channels. */
export const timeCommands = (trials: number): Promise<CommandTiming[]> =>
  withFolder(async (folder) => {
    progress("making a small run for the commands");
    const count = 64;
    await command(folder, [
      "dataset",
      "prepare",
      "procedural:faces",
      "faces.pack",
      "--count",
      `${count}`,
      "--resolution",
      "64",
    ]);
    const model = ["--latent", "128", "--channels", "128", "--resolution", "64", "--batch", "8"];
    const schedule = ["--kimg-per-phase", "0.008", "--total-kimg", "0.048"];
    await command(folder, ["train", "--data", "faces.pack", "--run", "small", ...model, ...schedule]);
    for (const name of ["a.png", "b.png"]) {
      writeFileSync(
        join(folder, name),
        await sharp(join(folder, "small", "reals.png"))
          .resize(64, 64)
          .png()
          .toBuffer(),
      );
    }
    const of = ["--model", "small", "--out", "out"];
    const commands: Record<string, string[]> = {
      // Grids come every 20,000 images unless asked for; here after ten steps.
      train: ["train", "--data", "faces.pack", "--run", "out", ...model, "--grid-kimg", "0.08"],
      sample: ["sample", ...of, "--count", "1"],
      reconstruct: ["reconstruct", ...of, "a.png"],
      interpolate: ["interpolate", ...of, "a.png", "b.png"],
      info: ["info", "small"],
    };
    const timings: CommandTiming[] = [];
    for (const [name, args] of Object.entries(commands)) {
      progress(`${name}: time to the first picture`);
      const seconds: number[] = [];
      for (let trial = 0; trial < trials; trial++) {
        seconds.push(name === "info" ? await command(folder, args) : await untilPicture(folder, args));
        rmSync(join(folder, "out"), { recursive: true, force: true });
      }
      timings.push({ command: name, seconds: spreadOf(seconds), trials });
    }
    return timings;
  });

/** The pictures of `train` that the networks made; reals.png shows the data. */
const isPicture = (name: string) => name.endsWith(".png") && name !== "reals.png";

async function untilPicture(folder: string, args: readonly string[]): Promise<number> {
  const start = performance.now();
  const child = spawn(process.execPath, [pioneer, ...args], { cwd: folder, stdio: "ignore" });
  let ended = false;
  const end = new Promise<void>((resolve) =>
    child.on("close", () => {
      ended = true;
      resolve();
    }),
  );
  while (true) {
    const seconds = (performance.now() - start) / 1000;
    if (picturesIn(join(folder, "out")).length > 0) {
      child.kill();
      await end;
      return seconds;
    }
    if (ended) throw new Error(`pioneer ${args.join(" ")} ended without a picture`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function picturesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(isPicture);
  } catch {
    return []; // not made yet
  }
}
