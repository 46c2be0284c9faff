// Faces are found: by the networks of @vladmandic/face-api, computed by ONNX Runtime.
import { cpSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Faces, faceFiles, faceFolder, ModelError } from "pioneer-runtime";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../../torch/test/support/folder.ts";
import { FaceFinder } from "../src/faces/finder.ts";
import { startNetworkOnCpu } from "../src/node/engine.ts";
import { missedBy, type Pasted, pictureWith, pixelsOf, pointsOf } from "./support/found-faces.ts";

const folder = temporaryFolder();

test("faces are found with their eyes and mouths, the largest first; where there is none, none", async () => {
  const finder = await Faces.load();
  const one: Pasted = { name: "one", left: 40, top: 60, side: 150 };
  const other: Pasted = { name: "other", left: 330, top: 120, side: 260 };
  const found = await finder.find(await pixelsOf(await pictureWith(one, other)));
  expect(found).toHaveLength(2);
  // Measured on samples of the model: up to 0.07, of which some is the model's.
  for (const [i, face] of [other, one].entries()) {
    expect(missedBy(found[i]?.points ?? pointsOf({ ...face, left: 0 }), pointsOf(face))).toBeLessThan(0.15);
  }
  const file = await pictureWith(one, other);
  const turned = await sharp(file).rotate(90).withMetadata({ orientation: 8 }).png().toBuffer();
  expect(await finder.find(new Blob([new Uint8Array(file)]))).toEqual(found);
  expect(await finder.find(turned)).toEqual(found);
  expect(await finder.find(await pixelsOf(await pictureWith()))).toEqual([]);
  await finder.release();
});

test("in a photo that is read smaller, as pages read those of many pixels, faces lie where they do in the photo", async () => {
  const face: Pasted = { name: "other", left: 330, top: 120, side: 260 };
  const half = await sharp(await pictureWith(face))
    .resize(320, 240)
    .png()
    .toBuffer();
  const finder = await FaceFinder.open({
    read: async (file) => readFileSync(join(faceFolder(), file)),
    start: startNetworkOnCpu,
    photos: {
      decode: async () => ({
        pixels: await pixelsOf(half),
        encoding: "other",
        excerpt: { left: 0, top: 0, width: 640, height: 480, factor: 2 },
      }),
      readPhoto: () => Promise.reject(new Error("no address")),
    },
  });
  onTestFinished(() => finder.release());
  const [found] = await finder.find(new Blob([new Uint8Array(half)]));
  expect(missedBy(found?.points ?? pointsOf({ ...face, left: 0 }), pointsOf(face))).toBeLessThan(0.15);
  // About as large as the square that the model drew.
  expect(found?.box.width).toBeGreaterThan(0.75 * face.side);
});

test("weights that are cut short or not there are named", async () => {
  const copy = join(folder, "model");
  for (const file of faceFiles) cpSync(join(faceFolder(), file), join(copy, file));
  const bytes = faceFiles.find((file) => file.endsWith(".bin")) ?? "";
  truncateSync(join(copy, bytes), 1000);
  await expect(Faces.load(copy)).rejects.toThrow(
    new ModelError("DAMAGED", `${bytes} has 1000 bytes, not what its list says: install @vladmandic/face-api again`),
  );
  rmSync(join(copy, bytes));
  await expect(Faces.load(copy)).rejects.toThrow(`${copy}/${bytes} is missing: it comes with @vladmandic/face-api`);
});
