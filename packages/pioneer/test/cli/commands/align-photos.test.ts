// Photos for a model of aligned faces: `reconstruct`, `edit` and `interpolate` with --align and without.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FacePoints } from "pioneer-runtime";
import { Rng } from "pioneer-runtime/internal";
import sharp from "sharp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { dotsOf, facePhoto, farthest, placed } from "../../../../runtime/test/support/face-photo.ts";
import { type Pasted, pictureWith } from "../../../../runtime/test/support/found-faces.ts";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { defaultTemplate } from "../../../src/config/face-template.ts";
import { headingHeight } from "../../../src/pictures/lettering.ts";
import { fixture } from "../../support/fixture.ts";
import { pioneer } from "../../support/in-process.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 120_000 });

const folder = temporaryFolder();
const tiny = fixture("model-tiny");
const side = 16;
const run = (...args: string[]) => pioneer(folder, args);

beforeAll(async () => {
  for (const name of ["aligned", "plain"]) cpSync(tiny, join(folder, name), { recursive: true });
  const config = join(folder, "aligned", "config.json");
  writeFileSync(config, JSON.stringify({ ...JSON.parse(readFileSync(config, "utf8")), align: defaultTemplate }));
  const direction = { vector: [1, ...Array(15).fill(0)], unit: 0.2, method: "mean", orthogonal: false };
  writeFileSync(
    join(folder, "directions.json"),
    JSON.stringify({ format: 1, latent: 16, directions: { along: direction } }),
  );
  const rng = new Rng(2);
  const rows = ["note,mouth_y,mouth_x,eye_right_y,eye_right_x,eye_left_y,eye_left_x,file"];
  for (const name of ["a", "b", "c"]) {
    const face: FacePoints = placed(defaultTemplate, { side: 90, angle: rng.uniform() - 0.5, x: 60, y: 20 });
    const { data, width, height } = facePhoto(200, 130, face, 4);
    const photo = sharp(data, { raw: { width, height, channels: 3 } });
    await photo.png().toFile(join(folder, `${name}.png`));
    if (name !== "c")
      rows.push(
        [
          "x",
          ...face.mouth.toReversed(),
          ...face.eyeRight.toReversed(),
          ...face.eyeLeft.toReversed(),
          `people/${name}.png`,
        ].join(","),
      );
  }
  writeFileSync(join(folder, "faces.csv"), rows.join("\n"));
});

/** A picture that was written, as the model saw it: each of its pixels became a square. */
async function pixelsOf(file: string): Promise<Uint8Array> {
  const seen = sharp(join(folder, file)).resize(side, side, { kernel: "nearest" });
  return new Uint8Array(await seen.removeAlpha().raw().toBuffer());
}

/** How far the dots of a square are from the template; a photo that is only cropped has them pixels away. */
const missed = async (file: string) => farthest(dotsOf(await pixelsOf(file), side), defaultTemplate, side);

describe("a model of aligned faces", () => {
  test("gets photos as their rows say; one without a row is cropped, and that is said", async () => {
    const args = ["reconstruct", "--model", "aligned", "--out", "out", "--align", "faces.csv"];
    const { code, stdout, stderr } = await run(...args, "a.png", "c.png", "b.png", "--json");
    expect(code).toBe(0);
    expect(stderr).toContain(
      "note: c.png has no row in faces.csv: it is not aligned, but cropped to its middle square\n",
    );
    expect(stderr).not.toContain("note: a.png");
    expect(JSON.parse(stdout)).toMatchObject({ unaligned: ["c.png"] });
    for (const name of ["0001-a", "0003-b"]) expect(await missed(`out/${name}-original.png`)).toBeLessThan(0.1);
    expect(await missed("out/0002-c-original.png")).toBeGreaterThan(1);
  });

  test("finds the largest face by itself; a photo without one is cropped, and that is said", async () => {
    const large: Pasted = { name: "one", left: 330, top: 120, side: 260 };
    const small: Pasted = { name: "other", left: 40, top: 60, side: 150 };
    writeFileSync(join(folder, "two.png"), await pictureWith(small, large));
    writeFileSync(join(folder, "no.png"), await pictureWith());
    const args = ["reconstruct", "--model", "aligned", "--out", "found", "two.png", "no.png", "--json"];
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(0);
    expect(stderr.split("\n").filter((line) => line.startsWith("note: "))).toEqual([
      "note: two.png has 2 faces: the largest is taken",
      "note: no.png has no face that is found: it is not aligned, but cropped to its middle square",
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ unaligned: ["no.png"] });
    // The model's square is the one the face was pasted as: where it is found a tenth of the eyes' distance away, that is half
    // a pixel of these sixteen, and few grey levels. The middle of the picture is another square.
    const seen = await pixelsOf("found/0001-two-original.png");
    const pasted = await sharp(fixture("faces/one.png"))
      .resize(side, side)
      .toColourspace("srgb")
      .removeAlpha()
      .raw()
      .toBuffer();
    const away = seen.reduce((sum, value, i) => sum + Math.abs(value - (pasted[i] as number)), 0) / seen.length;
    expect(away).toBeLessThan(16);
  });

  test("says in one line that it knows aligned faces, where photos are only to be cropped", async () => {
    const args = ["reconstruct", "--model", "aligned", "--out", "cropped", "--align", "none"];
    const { code, stdout } = await run(...args, "a.png", "b.png");
    expect(code).toBe(0);
    expect(stdout.split("\n").filter((line) => line.startsWith("note: "))).toEqual([
      "note: aligned was trained on aligned faces, and these photos are only cropped",
    ]);
    expect(await missed("cropped/0001-a-original.png")).toBeGreaterThan(1);
    const info = await run("info", "aligned");
    expect(info.stdout).toMatch(/^networks .*, aligned to 0\.32,0\.387,0\.68,0\.387,0\.5,0\.781, weights fp32$/m);
  });

  test("edit and interpolate do the same", async () => {
    const align = ["--align", "faces.csv", "--json"];
    const edit = [
      "edit",
      "--model",
      "aligned",
      "--directions",
      "directions.json",
      "--out",
      "edits",
      "--set",
      "along=1",
    ];
    const edited = await run(...edit, ...align, "a.png", "c.png");
    expect(JSON.parse(edited.stdout)).toMatchObject({ unaligned: ["c.png"] });
    const morph = await run(
      "interpolate",
      "--model",
      "aligned",
      "--out",
      "morph",
      "--steps",
      "2",
      ...align,
      "a.png",
      "b.png",
    );
    expect(JSON.parse(morph.stdout)).toMatchObject({ unaligned: [] });
    // The photos stand in the grids, each pixel four times as large: as reconstruct shows them.
    for (const grid of ["edits/grid.png", "morph/grid.png"]) {
      const cell = sharp(join(folder, grid)).extract({ left: 0, top: headingHeight(64), width: 64, height: 64 });
      const shown = await cell.resize(side, side, { kernel: "nearest" }).removeAlpha().raw().toBuffer();
      expect(shown.equals(Buffer.from(await pixelsOf("out/0001-a-original.png")))).toBe(true);
    }
  });
});

test("a model of photos that were not aligned wants none of it", async () => {
  const { code, stdout, stderr } = await run(
    "reconstruct",
    "--model",
    "plain",
    "--out",
    "none",
    "--align",
    "faces.csv",
    "a.png",
  );
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toBe("pioneer: --align faces.csv: plain was trained on photos that were not aligned: leave it out\n");
  const said = await run("reconstruct", "--model", "plain", "--out", "plain-out", "a.png");
  expect(said.stdout).not.toContain("note: ");
});

test("a face that is not in the photo, and a file without its columns, are refused", async () => {
  writeFileSync(
    join(folder, "far.csv"),
    "file,eye_left_x,eye_left_y,eye_right_x,eye_right_y,mouth_x,mouth_y\na.png,20,20,300,20,160,90\n",
  );
  const far = await run("reconstruct", "--model", "aligned", "--out", "none", "--align", "far.csv", "a.png");
  expect([far.code, far.stderr]).toEqual([
    1,
    "pioneer: a.png has its right eye at (300, 20), outside of its 200x130 pixels\n",
  ]);
  writeFileSync(join(folder, "few.csv"), "file,mouth_x,mouth_y\na.png,160,90\n");
  const few = await run("reconstruct", "--model", "aligned", "--out", "none", "--align", "few.csv", "a.png");
  expect(few.code).toBe(1);
  expect(few.stderr).toMatch(/^pioneer: few\.csv has no column eye_left_x, .*\n$/);
});
