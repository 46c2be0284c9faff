// `pioneer directions` and `pioneer edit` as a user has them, on a model folder and on a run.
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { reachOf } from "pioneer-runtime/internal";
import sharp from "sharp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { captioned, headingHeight } from "../../../src/pictures/lettering.ts";
import { whiteImage } from "../../../src/pictures/rgb-image.ts";
import { tiny } from "../../support/cli.ts";
import { fixture } from "../../support/fixture.ts";
import { pioneer } from "../../support/in-process.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

const folder = temporaryFolder();
const model = fixture("model-tiny");
const photo = fixture("imagefolder");
const run = (...args: string[]) => pioneer(folder, args, { XDG_CACHE_HOME: join(folder, "cache") });
const written = (path = "model") =>
  JSON.parse(readFileSync(join(folder, path, "directions.json"), "utf8")) as {
    latent: number;
    directions: Record<string, { vector: number[]; unit: number; heldOut?: { kind: string; count: number } }>;
  };
let photos: string[];

beforeAll(async () => {
  cpSync(model, join(folder, "model"), { recursive: true });
  const prepare = ["dataset", "prepare", "procedural:faces", "faces.pack", "--resolution", "16", "--count", "400"];
  expect(await run(...prepare)).toMatchObject({ code: 0, stderr: "" });
  photos = readdirSync(photo, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".jpg"))
    .slice(0, 2)
    .map((name) => join(photo, name));
  expect(photos.length).toBe(2);
});

describe("a model folder", () => {
  test("learns directions of a pack's labels, says how well, and keeps those of other names", async () => {
    const learn = ["directions", "--model", "model", "--data", "faces.pack", "--threads", "1"];
    const first = await run(...learn, "--attribute", "skin", "--attribute", "light=backgroundLight", "--json");
    expect(first).toMatchObject({ code: 0 });
    const { file, directions } = JSON.parse(first.stdout) as { file: string; directions: Record<string, object> };
    expect(file).toBe("model/directions.json");
    expect(Object.keys(directions)).toEqual(["skin", "light"]);
    expect(directions.skin).toMatchObject({ method: "linear", orthogonal: false, heldOut: { kind: "r2" } });
    expect(directions.skin).toMatchObject({ fitted: { missing: 0 } });
    const third = await run(...learn, "--attribute", "frown=-smile", "--hold", "skin", "--out", "held.json");
    expect(third.stdout).toMatch(
      /^frown: strength 1 moves a latent by 0\.\d{3}; R² .* of 78 held-out images; learned from 314$/m,
    );
    const held = JSON.parse(readFileSync(join(folder, "held.json"), "utf8")) as { directions: Record<string, object> };
    expect(Object.keys(held.directions)).toEqual(["frown"]);
    expect(held.directions.frown).toMatchObject({ holds: ["skin"] });
    const second = await run(...learn, "--method", "pca", "--components", "2");
    expect(second.stdout).toMatch(/^pc1: strength 1 moves a latent by 0\.\d{3}$/m);
    expect(second.stdout).toMatch(/^wrote model\/directions\.json$/m);
    // config.json knows the file as it is now.
    expect(await run("info", "model", "--verify")).toMatchObject({ code: 0, stderr: "" });
    const { latent, directions: all } = written();
    expect([latent, Object.keys(all)]).toEqual([16, ["skin", "light", "pc1", "pc2"]]);
    for (const { vector } of Object.values(all)) {
      expect(vector.length).toBe(16);
      expect(Math.abs(vector.reduce((sum, value) => sum + value * value, 0) - 1)).toBeLessThan(1e-12);
    }
  });

  test("directions tried on pictures say what strength 1 does to them", async () => {
    const learn = ["directions", "--model", "model", "--data", "faces.pack", "--threads", "1", "--orthogonal"];
    const two = ["--attribute", "skin", "--attribute", "light"];
    const { code, stdout, stderr } = await run(...learn, ...two, "--calibrate", "--out", "tried.json");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^skin: strength 1 moves a latent by \d\.\d{3}; in 78 held-out pictures it moves by -?\d\.\d\d deviations, of the others light most, by -?\d\.\d\d; R² /m,
    );
    const { directions } = JSON.parse(readFileSync(join(folder, "tried.json"), "utf8")) as {
      directions: Record<string, object>;
    };
    expect(directions.light).toMatchObject({ holds: ["skin"], shown: { images: 78, other: { name: "skin" } } });
  });

  test("edits photos: each edited image, a grid, and a strip whose middle is the reconstruction", async () => {
    const edited = await run(
      "edit",
      "--model",
      "model",
      "--out",
      "out",
      "--set",
      "skin=2",
      "--strip",
      "pc1",
      "--json",
      ...photos,
    );
    expect(edited).toMatchObject({ code: 0 });
    const { files, strips, reaches } = JSON.parse(edited.stdout) as Record<"files" | "strips", string[]> & {
      reaches: number[];
    };
    expect(files.map((file) => file.replace(/^out\/000\d-.*-edited/, "edited"))).toEqual([
      "edited.png",
      "edited.png",
      "out/grid.png",
      "out/strip-pc1.png",
    ]);
    expect(strips).toEqual(["out/strip-pc1.png"]);
    expect(reaches).toEqual([reachOf(written().directions.pc1 as { unit: number })]);
    // Photo, reconstruction, edited; the photo, a gap and seven strengths; cells of 64 pixels that touch.
    const above = headingHeight(64);
    const height = above + 2 * 64 + 8;
    const captionedHeight = (width: number) => captioned(whiteImage(width, height), "model; pioneer edit", 64).height;
    const grid = await sharp(join(folder, "out", "grid.png")).metadata();
    expect(grid).toMatchObject({ width: 3 * 64, height: captionedHeight(3 * 64) });
    const strip = sharp(join(folder, "out", "strip-pc1.png"));
    expect(await strip.metadata()).toMatchObject({ width: 8 * 64 + 8, height: captionedHeight(8 * 64 + 8) });
    const pixels = async (file: string, left: number, top: number, across: number, down: number) =>
      sharp(join(folder, "out", file))
        .extract({ left, top, width: across, height: down })
        .raw()
        .toBuffer();
    const cell = (file: string, left: number) => pixels(file, left, above, 64, 64);
    const strength = (index: number) => cell("strip-pc1.png", 72 + 64 * index);
    // 0 is marked, its neighbour is not; both say their strength.
    const [zero, one] = [
      await pixels("strip-pc1.png", 72 + 3 * 64, 1, 64, 4),
      await pixels("strip-pc1.png", 72 + 4 * 64, 0, 64, above),
    ];
    expect(new Set(zero)).toEqual(new Set([0, 255]));
    expect([zero[0], one[0], new Set(one)]).toEqual([0, 255, new Set([0, 255])]);
    // The strip is of what was set already: its middle is the edited image, its ends are not.
    const [middle, end, last] = [await strength(3), await strength(0), await cell("grid.png", 2 * 64)];
    expect(middle.equals(last)).toBe(true);

    // --reach makes its ends those of --set.
    const far = ["--set", "pc1=-2.5", "--strip", "pc1", "--reach", "2.5"];
    const further = await run("edit", "--model", "model", "--out", "far", ...far, ...photos);
    expect(further.stdout).toMatch(/^next: look at far\/grid.png: photo, reconstruction, edited$/m);
    expect((await cell("../far/strip-pc1.png", 72)).equals(await cell("../far/grid.png", 2 * 64))).toBe(true);
    const only = await run("edit", "--model", "model", "--out", "only", ...far.slice(2), ...photos);
    expect(only.stdout).toMatch(/^next: look at only\/strip-pc1.png: the photo, then -2.5 to \+2.5$/m);

    // Names that make the same file are told apart.
    const { directions, ...rest } = written();
    const all = { ...directions, "pc 1": directions.pc1, "PC/1": directions.pc2 };
    writeFileSync(join(folder, "alike.json"), JSON.stringify({ ...rest, directions: all }));
    const alike = ["--out", "alike", "--directions", "alike.json", "--strip", "pc 1", "--strip", "PC/1"];
    expect(await run("edit", "--model", "model", ...alike, ...photos)).toMatchObject({ code: 0 });
    expect(readdirSync(join(folder, "alike")).sort()).toEqual(["strip-PC-1-2.png", "strip-pc-1.png"]);
    expect(end.equals(last)).toBe(false);
  });

  test("latents that were saved are used in the place of their photos, to the same pictures", async () => {
    const of = (command: string, ...args: string[]) => run(command, "--model", "model", ...args);
    const encoded = await of("encode", "--out", "codes.safetensors", "--json", ...photos);
    expect(encoded).toMatchObject({ code: 0 });
    expect(JSON.parse(encoded.stdout)).toEqual({ files: ["codes.safetensors"], photos, latent: 16 });
    const again = await of("encode", "--out", "codes.safetensors", ...photos);
    expect(again.stderr).toBe("pioneer: codes.safetensors exists; choose another name, or replace it with --force\n");
    const edit = ["--set", "skin=2", "--json", "--latents", "codes.safetensors"];
    const edited = await of("edit", "--out", "of-latents", ...edit);
    expect(edited).toMatchObject({ code: 0 });
    const decoded = await of("decode", "--out", "decoded", "codes.safetensors", "--json");
    expect(decoded).toMatchObject({ code: 0 });
    const names = photos.map((path, i) => `000${i + 1}-${basename(path, ".jpg")}`);
    expect(readdirSync(join(folder, "decoded")).sort()).toEqual([...names.map((name) => `${name}.png`), "grid.png"]);
    const read = (...path: string[]) => readFileSync(join(folder, ...path));
    for (const name of names) {
      expect(read("of-latents", `${name}-edited.png`).equals(read("out", `${name}-edited.png`))).toBe(true);
    }
    // Reconstruction, edited: the photos are not known.
    expect(await sharp(join(folder, "of-latents", "grid.png")).metadata()).toMatchObject({ width: 2 * 64 });
  });

  test.each([
    [["--set", "smile=1"], 'there is no direction "smile"; there are skin, light, pc1, pc2', 2],
    [["--strip", "smile"], 'there is no direction "smile"; there are skin, light, pc1, pc2', 2],
    [["--set", "skin"], '--set: expected NAME=STRENGTH such as smile=1.5, got "skin"', 2],
    [
      ["--set", "skin=1", "--reach", "2"],
      "edit: --reach says how far strips go: give --strip NAME too, or leave it out",
      2,
    ],
    [["--strip", "skin", "--reach", "0"], "--reach: expected a number above 0, at most 100, got 0", 2],
    [[], "edit: say what to change, by --set NAME=STRENGTH or --strip NAME", 2],
    [
      ["--set", "skin=1", "--latents", "codes.npy"],
      "edit: --latents codes.npy takes the place of photos: leave one of them out",
      2,
    ],
    [
      ["--set", "skin=1", "--directions", "none.json"],
      "none.json is not there: learn directions first, by pioneer directions --model model",
      2,
    ],
  ])("edit %j is refused in one line, and writes nothing", async (args, line, code) => {
    expect(await run("edit", "--model", "model", "--out", "no", ...args, photos[0] as string)).toMatchObject({
      code,
      stderr: `pioneer: ${line}\n`,
    });
    expect(existsSync(join(folder, "no"))).toBe(false);
  });

  test("directions of a model in the box are not written into it", async () => {
    const box = fixture("../packages/pioneer/models/faces-photos");
    const { code, stderr } = await run("directions", "--model", box, "--data", "faces.pack", "--attribute", "skin");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^pioneer: .*faces-photos is a model in the box and stays as it is: give --out /),
    ]);
  });

  test.each([
    [["--attribute", "age"], /^pioneer: --attribute age: faces.pack has no label age; it has yaw, /, 2],
    [[], /^pioneer: --attribute is missing: give one or more/, 2],
    [
      ["--method", "pca", "--attribute", "skin"],
      /^pioneer: --method pca learns without labels: leave --attribute out\n$/,
      2,
    ],
    [["--method", "pca", "--hold", "skin"], /^pioneer: --method pca learns without labels: leave --hold out\n$/, 2],
    [["--method", "pca", "--calibrate"], /^pioneer: --calibrate: directions of pca are of no attribute that /, 2],
    [["--attribute", "skin", "--hold", "age"], /^pioneer: --hold age: faces.pack has no label age; it has yaw, /, 2],
    [
      ["--attribute", "skin", "--hold", "skin"],
      /^pioneer: --hold: skin is also an --attribute, and cannot move and stay: leave one of them out\n$/,
      2,
    ],
    [["--attribute", "skin", "--attribute", "skin"], /^pioneer: --attribute: two are called skin; name them apart/, 2],
    [
      ["--attribute", "b=glasses:1/0"],
      /^pioneer: --attribute b=glasses:1\/0: glasses is never |^pioneer: b: \d+ and \d+ images/,
      undefined,
    ],
  ])("directions %j is refused in one line, and writes nothing", async (args, line, code) => {
    const before = written();
    const { code: found, stderr } = await run("directions", "--model", "model", "--data", "faces.pack", ...args);
    expect(stderr).toMatch(line);
    expect(stderr.split("\n").length).toBe(2);
    expect(found).toBe(code ?? found);
    expect(found).not.toBe(0);
    expect(written()).toEqual(before);
  });
});

test("a run keeps its directions beside its checkpoints, and they are used with any of these", async () => {
  const trained = await run("train", "--data", "faces.pack", "--run", "run", ...tiny, "--resolution", "8");
  expect(trained).toMatchObject({ code: 0, stderr: "" });
  const learn = ["--data", "faces.pack", "--attribute", "skin", "--method", "mean", "--threads", "1"];
  expect(await run("directions", "--model", "run", ...learn)).toMatchObject({ code: 0, stderr: "" });
  // A run tells its data; a model folder does not.
  const pca = ["--method", "pca", "--components", "1", "--threads", "1"];
  const found = await run("directions", "--model", "run", ...pca, "--out", "pca.json");
  expect(found).toMatchObject({ code: 0, stderr: "" });
  expect(found.stdout).toMatch(
    /^next: pioneer edit --model run --directions pca\.json --out edits --strip pc1 photo\.jpg$/m,
  );
  expect(await run("directions", "--model", "model", ...pca)).toMatchObject({
    code: 2,
    stderr: "pioneer: --data is missing: model does not tell its data; give a pack with images\n",
  });
  const newest =
    readdirSync(join(folder, "run"))
      .filter((name) => name.startsWith("checkpoint-"))
      .sort()
      .at(-1) ?? "";
  const args = ["--out", "of-run", "--strip", "skin", "--threads", "1", photos[0] as string];
  expect(await run("edit", "--model", join("run", newest), ...args)).toMatchObject({ code: 0, stderr: "" });
  expect(existsSync(join(folder, "of-run", "strip-skin.png"))).toBe(true);
  // Refined latents are edited as others are; a model folder has no gradients.
  const refined = ["--out", "refined", "--strip", "skin", "--refine", "20", "--threads", "1", photos[0] as string];
  expect(await run("edit", "--model", "run", ...refined)).toMatchObject({ code: 0, stderr: "" });
  const strip = (path: string) => readFileSync(join(folder, path, "strip-skin.png"));
  expect(strip("refined").equals(strip("of-run"))).toBe(false);
  const { code, stderr } = await run("edit", "--model", "model", ...refined);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/^pioneer: --refine 20: ONNX Runtime, which computes this model, gives no gradients; /),
  ]);
});
