import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CheckpointState, stateText } from "../../src/checkpoint/state.ts";

// The command line as a user runs it, from the build (`npm run build`).

const bin = fileURLToPath(new URL("../../bin/pioneer.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "pioneer-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pioneer = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
};

/** One line on stderr, nothing on stdout. */
const expectError = (args: string[], status: number, line: string) => {
  expect(pioneer(...args)).toEqual({ status, stdout: "", stderr: `pioneer: ${line}\n` });
};

test.runIf(existsSync("/proc/self/task"))("images are decoded on as many threads as there are cores", () => {
  const threads = (cores: number) => {
    // The machine as the program sees it, and its threads when it ends.
    const preload = join(folder, `cores-${cores}.cjs`);
    writeFileSync(
      preload,
      `require("node:os").availableParallelism = () => ${cores};
       process.on("exit", () => console.error(require("node:fs").readdirSync("/proc/self/task").length));`,
    );
    const photo = join(folder, "photo.png");
    writeFileSync(photo, Buffer.from("not a photo"));
    const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
    const args = ["--require", preload, bin, "dataset", "info", photo];
    const { stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", env });
    return Number(/^\d+$/m.exec(stderr)?.[0]);
  };
  expect(threads(20) - threads(4)).toBe(16);
});

describe("help", () => {
  const commands = [
    "train",
    "dataset",
    "dataset prepare",
    "dataset info",
    "dataset dump",
    "reconstruct",
    "sample",
    "interpolate",
    "evaluate",
    "export",
    "info",
    "demo",
  ];

  test("pioneer --help names every command", () => {
    const { status, stdout, stderr } = pioneer("--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ +${command.split(" ")[0]}\\b`, "m"));
  });

  test.each(commands)("pioneer %s --help has an example", (command) => {
    const { status, stdout, stderr } = pioneer(...command.split(" "), "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`Examples?:\n  \\$ pioneer ${command}`));
  });

  test("no command is a wrong command line: help on stderr, exit 2", () => {
    const { status, stdout, stderr } = pioneer();
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^Usage: pioneer /);
  });

  test("the version is the package's", () => {
    expect(pioneer("--version")).toEqual({ status: 0, stdout: "0.1.0\n", stderr: "" });
  });

  test("loads neither libtorch nor sharp", () => {
    const trace = join(folder, "trace.mjs");
    writeFileSync(
      trace,
      `process.on("exit", () => console.error(process.report.getReport().sharedObjects.join("\\n")));`,
    );
    const { stderr } = spawnSync(process.execPath, ["--import", trace, bin, "--help"], { encoding: "utf8" });
    expect(stderr).toMatch(/libc/);
    expect(stderr).not.toMatch(/torch|sharp|vips/);
  });
});

describe("wrong options end with 2 and one line", () => {
  test("an unknown option, with the one that was meant", () => {
    expectError(
      ["train", "--kimg-per-phas", "3"],
      2,
      "unknown option '--kimg-per-phas' (Did you mean --kimg-per-phase?); see pioneer train --help",
    );
    expectError(
      ["dataset", "prepare", "a", "b", "--limt", "3"],
      2,
      "unknown option '--limt' (Did you mean --limit?); see pioneer dataset prepare --help",
    );
  });

  test("an unknown command, a missing argument, a missing value", () => {
    expectError(["trian"], 2, "unknown command 'trian' (Did you mean train?); see pioneer --help");
    expectError(
      ["dataset", "prepare", "photos"],
      2,
      "missing required argument 'out'; see pioneer dataset prepare --help",
    );
    expectError(["train", "--lr"], 2, "option '--lr <X>' argument missing; see pioneer train --help");
  });

  test("values out of range", () => {
    expectError(["train", "--data", "x", "--batch", "1"], 2, batchError("1"));
    expectError(
      ["train", "--data", "x", "--resolution", "48"],
      2,
      "--resolution: expected a power of two from 4 to 1024, got 48",
    );
    expectError(["train", "--data", "x", "--lr", "abc"], 2, '--lr: expected a number above 0, at most 1, got "abc"');
    expectError(["train"], 2, "--data is missing: give a pack, an image folder, an archive, or procedural:faces");
    expectError(
      ["sample", "--model", "m", "--out", "o", "--count", "0"],
      2,
      "--count: expected a whole number from 1 to 1000000, got 0",
    );
    expectError(
      ["interpolate", "--model", "m", "--out", "o", "a.png"],
      2,
      "interpolate: expected 2 images for a strip, 4 for a square or 6 for a hexagon, got 1",
    );
  });

  test("a folder named like a number is a folder", () => {
    expectError(["info", "2024"], 1, "2024: no such file or folder; check the path");
    expectError(["train", "--resume", "--run", "2024"], 1, "2024 holds no run (no config.json): check the path");
  });

  test("with --json the error is also an object on stdout; with --debug its stack on stderr", () => {
    const { status, stdout, stderr } = pioneer("sample", "--json", "--debug", "--model", "m");
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: "CONFIG", message: "--out is missing: give a folder for the pictures" },
    });
    expect(stderr).toMatch(/^pioneer: --out is missing.*\n.*ConfigError: /);
    expect(stderr).toMatch(/^ +at /m);
  });
});

describe("a configuration file", () => {
  const config = join(folder, "config-test.json");

  test("gives options, and flags win over it", () => {
    writeFileSync(config, JSON.stringify({ data: "x", lr: 7 }));
    expectError(["train", "--config", config], 2, "--lr: expected a number above 0, at most 1, got 7");
    expectError(["train", "--config", config, "--lr", "8"], 2, "--lr: expected a number above 0, at most 1, got 8");
  });

  test("that is missing or not JSON is named", () => {
    expectError(["train", "--config", "none.json"], 1, "none.json: no such file or folder; check the path");
    writeFileSync(config, "lr: 7");
    expect(pioneer("train", "--config", config).stderr).toMatch(
      /^pioneer: [^\n]*config-test\.json: not JSON [^\n]*\n$/,
    );
  });
});

describe("a run that goes on", () => {
  const run = join(folder, "run");
  beforeAll(() => {
    mkdirSync(join(run, "checkpoint-00000012"), { recursive: true });
    writeFileSync(
      join(run, "config.json"),
      JSON.stringify({ format: 1, data: "x", latent: 64, channels: 32, resolution: 16 }),
    );
    const tick = {
      images: 12_000,
      totalImages: 48_000,
      phase: 1,
      alpha: 0.5,
      resolution: 8,
      cosine: 0.25,
      losses: { klReal: 1.5 },
    };
    writeFileSync(join(run, "stats.jsonl"), `${JSON.stringify(tick)}\n{"images":130`);
  });

  test("keeps its options: another latent size is refused with both values", () => {
    expectError(
      ["train", "--resume", "--run", run, "--latent", "128"],
      2,
      "--latent is 128, but the run was started with 64: leave --latent out to go on, or start a new run with another --run",
    );
  });

  test("info says what it is from its files, past a line that was cut off", () => {
    const { status, stdout, stderr } = pioneer("info", run, "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      kind: "run",
      config: { latent: 64, channels: 32 },
      checkpoints: ["checkpoint-00000012"],
      last: { images: 12_000, alpha: 0.5 },
    });
    expect(stderr).toContain("progress     12 of 48 kimg\nphase        1 (8x8), alpha 0.500\n");
  });

  test("a folder that is no run is refused", () => {
    expectError(
      ["info", folder],
      1,
      `${folder} is neither a run or model (no config.json) nor a checkpoint (no state.json): check the path`,
    );
  });
});

describe("a checkpoint", () => {
  const checkpoint = join(folder, "checkpoint-00000012");
  const tensors = Buffer.from("not really tensors");
  const state: CheckpointState = {
    format: 1,
    version: "0.1.0",
    recipe: "accv2018",
    images: 12_000,
    steps: 375,
    elapsedSeconds: 90,
    resolution: 8,
    phase: 1,
    alpha: 0.5,
    latent: 64,
    channels: 32,
    networks: { generatorNorm: "pixel", activatedCode: true, head: false },
    colour: "rgb",
    crop: "center",
    encoderOrder: "joint",
    schedule: { phases: [{ phase: 0, startImages: 0, fadeImages: 6000 }], totalImages: 48_000 },
    pack: { id: "ab", path: "faces.pack", trainImages: 100 },
    adamSteps: { generator: {}, encoder: {} },
    poolImages: 0,
    sha256: { "networks.safetensors": createHash("sha256").update(tensors).digest("hex") },
  };

  test("info reads its state, and --verify finds a file that was changed", () => {
    mkdirSync(checkpoint);
    writeFileSync(join(checkpoint, "state.json"), stateText(state));
    writeFileSync(join(checkpoint, "networks.safetensors"), tensors);
    const { status, stdout, stderr } = pioneer("info", checkpoint, "--verify");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain(`checkpoint  ${checkpoint}, all checksums good\n`);
    expect(stdout).toContain("progress    12 of 48 kimg in 2 min\n");
    expect(JSON.parse(pioneer("info", checkpoint, "--json").stdout)).toMatchObject({
      kind: "checkpoint",
      images: 12_000,
    });
    writeFileSync(join(checkpoint, "networks.safetensors"), tensors.subarray(1));
    const file = join(checkpoint, "networks.safetensors");
    const line = `${file} was changed or cut short (its sha256 differs): use another checkpoint`;
    expectError(["info", checkpoint, "--verify"], 1, line);
  });
});

describe("packs", () => {
  test("prepare packs what it can, names what it skipped, and info shows it", async () => {
    const photos = join(folder, "photos");
    mkdirSync(photos);
    for (let i = 0; i < 3; i++) {
      const colour = { r: 100 * i, g: 50, b: 9 };
      await sharp({ create: { width: 40, height: 30, channels: 3, background: colour } }).toFile(
        join(photos, `${i}.png`),
      );
    }
    writeFileSync(join(photos, "broken.jpg"), "not a picture");
    const pack = join(folder, "photos.pack");
    const made = pioneer("dataset", "prepare", photos, pack, "--resolution", "16", "--json");
    expect(made.status).toBe(0);
    expect(JSON.parse(made.stdout)).toMatchObject({
      files: [pack],
      pack: { kind: "pack", count: 3, resolution: 16, colour: "rgb", skipped: [{ name: "broken.jpg" }] },
    });
    const sheet = join(folder, "sheet.png");
    const shown = pioneer("dataset", "info", pack, "--verify", "--sheet", sheet);
    expect(shown).toMatchObject({ status: 0, stderr: "" });
    expect(shown.stdout).toContain("images   3 of 16x16, rgb, crop center\n");
    expect(shown.stdout).toContain("all checksums good");
    expect(shown.stdout).toContain(`wrote ${sheet}\n`);
    const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([3 * 64 + 2 * 2, 64]);
    expect([...data.subarray(0, 3)]).toEqual([0, 50, 9]);
    expect(pioneer("info", pack, "--json").stdout).toContain('"kind":"pack"');
    expectError(
      ["dataset", "info", pack, "--sheet", "sheet.jpg"],
      2,
      "--sheet sheet.jpg: a contact sheet is a PNG, give it a name that ends in .png",
    );
    // A disk that cannot take the output: told, and in the exit code.
    const full = openSync("/dev/full", "w");
    const cut = spawnSync(process.execPath, [bin, "info", pack], { encoding: "utf8", stdio: ["ignore", full, "pipe"] });
    closeSync(full);
    expect([cut.status, cut.stderr]).toEqual([
      1,
      "pioneer: the output is not whole: ENOSPC: no space left on device, write\n",
    ]);
  });

  test("Ctrl-C while packing ends with 130 and keeps what is done; the same command goes on from there", async () => {
    const args = [
      "dataset",
      "prepare",
      "procedural:faces",
      join(folder, "drawn.pack"),
      "--resolution",
      "32",
      "--count",
      "1500",
    ];
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    // The first line comes after a tenth of the images.
    child.stdout.once("data", () => child.kill("SIGINT"));
    const [code] = await once(child, "close");
    expect(code).toBe(130);
    const [, done] =
      /^pioneer: stopped after (\d+) of 1500 images; the same command goes on from there\n$/.exec(stderr) ?? [];
    expect(Number(done)).toBeGreaterThanOrEqual(150);
    expect(existsSync(join(folder, "drawn.pack"))).toBe(false);
    const { status, stdout } = pioneer(...args);
    expect(status).toBe(0);
    expect(stdout).toContain(`went on after ${done} images that were done before\n`);
    expect(stdout).toContain("images   1500 of 32x32");
  });

  test("a published data set by name, with its speed; dumped as the network sees it", () => {
    const fixture = (name: string) => fileURLToPath(new URL(`../../../../fixtures/datasets/${name}`, import.meta.url));
    const pack = join(folder, "cifar.pack");
    const made = pioneer("dataset", "prepare", fixture("cifar-10-batches-py"), pack, "--source", "cifar10");
    expect(made).toMatchObject({ status: 0, stderr: "" });
    expect(made.stdout).toMatch(/^packed 12 images in \d+ s, [\d.]+ images\/s$/m);
    expect(made.stdout).toContain("splits   train 8, test 4\n");
    const out = join(folder, "dumped");
    const dumped = pioneer(
      "dataset",
      "dump",
      pack,
      "--phase",
      "2",
      "--alpha",
      "0.5",
      "--count",
      "3",
      "--out",
      out,
      "--json",
    );
    expect(dumped.status).toBe(0);
    expect(JSON.parse(dumped.stdout)).toEqual({ files: [out], images: 3, resolution: 16, skipped: [] });
    expect(readdirSync(out)).toHaveLength(3);
    const wrong = pioneer("dataset", "prepare", fixture("celebahq.h5"), join(folder, "hq.pack"), "--resolution", "128");
    expect(wrong).toMatchObject({ status: 1, stdout: "" });
    expect(wrong.stderr).toMatch(/^pioneer: [^\n]*celebahq\.h5: has no data128x128; it has 4, 8, 16, 32, 64[^\n]*\n$/);
    expect(existsSync(join(folder, "hq.pack.part"))).toBe(false);
    expectError(
      ["dataset", "prepare", "a", "b", "--source", "mnist"],
      2,
      '--source: expected auto or folder or tar or zip or celeba or celebahq or lsun or cifar10, got "mnist"',
    );
  });

  test("an empty folder fails with 1 and leaves nothing", () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    const { status, stderr } = pioneer("dataset", "prepare", empty, join(folder, "out", "empty.pack"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^pioneer: [^\n]*empty: no images found[^\n]*\n$/);
    expect(existsSync(join(folder, "out")) ? readdirSync(join(folder, "out")) : []).toEqual([]);
  });
});

function batchError(value: string): string {
  return `--batch: expected auto, a whole number from 2, or a list by resolution such as "32:64,64:32" with every batch from 2, got "${value}"`;
}
