import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { loadPhotos } from "../../src/images/photo.ts";
import { photoFiles } from "../../src/images/photo-files.ts";
import { writePng } from "../../src/pictures/png.ts";

const red = [255, 0, 0];
const folder = temporaryFolder();

describe("loadPhotos", () => {
  const shape = { resolution: 8, crop: "center", colour: "rgb", align: null } as const;

  test("a wide photo gives its middle square, as planes in [-1, 1], in the order of the paths", async () => {
    // 24x8: red, green, blue squares; the middle one is the crop.
    const band = (x: number) => (x < 8 ? [255, 0, 0] : x < 16 ? [0, 255, 0] : [0, 0, 255]);
    const bytes = Array.from({ length: 24 * 8 }, (_, i) => band(i % 24)).flat();
    const wide = join(folder, "wide.png");
    const plain = join(folder, "plain.png");
    await writePng(wide, { pixels: Uint8Array.from(bytes), width: 24, height: 8 });
    await writePng(plain, { pixels: new Uint8Array(16 * 16 * 3).fill(51), width: 16, height: 16 });
    const { images } = await loadPhotos([wide, plain, wide, plain, plain], shape);
    expect(images.length).toBe(5 * 3 * 64);
    const values = (index: number, channel: number) => {
      const plane = images.subarray((index * 3 + channel) * 64, (index * 3 + channel + 1) * 64);
      return [...new Set(plane)];
    };
    for (const index of [0, 2]) {
      expect([0, 1, 2].map((channel) => values(index, channel))).toEqual([[-1], [1], [-1]]);
    }
    for (const index of [1, 3, 4]) {
      expect([0, 1, 2].map((channel) => values(index, channel))).toEqual(Array(3).fill([Math.fround(-0.6)]));
    }
  });

  test("a grey model sees luma in all three channels", async () => {
    const path = join(folder, "red.png");
    await writePng(path, { pixels: Uint8Array.from(Array(64).fill(red).flat()), width: 8, height: 8 });
    const { images } = await loadPhotos([path], { ...shape, colour: "grey" });
    expect([...new Set(images)]).toEqual([Math.fround(76 / 127.5 - 1)]); // 0.299 · 255 = 76.2
  });

  test("a missing file, a text file and a wide photo for a model without crop are one line each", async () => {
    const missing = join(folder, "missing.jpg");
    await expect(loadPhotos([missing], shape)).rejects.toThrow(`${missing}: no such file or folder; check the path`);
    const text = join(folder, "notes.txt");
    writeFileSync(text, "no image");
    await expect(loadPhotos([text], shape)).rejects.toThrow(/notes\.txt cannot be decoded: [^\n]+$/);
    const wide = join(folder, "wide2.png");
    await writePng(wide, { pixels: new Uint8Array(24 * 8 * 3), width: 24, height: 8 });
    await expect(loadPhotos(["https://a.b/c.jpg"], shape)).rejects.toThrow(
      "https://a.b/c.jpg is an address, and nothing is downloaded: fetch it, for instance with `curl -LO https://a.b/c.jpg`, and give the file",
    );
    const heic = join(folder, "it's.jpeg");
    writeFileSync(heic, "\0\0\0\x18ftypheic");
    await expect(loadPhotos([heic], shape)).rejects.toThrow(/ with `heif-convert '.*it'\\''s\.jpeg' photo\.jpg`$/);
    await expect(loadPhotos([wide], { ...shape, crop: "none" })).rejects.toThrow(/wide2\.png is 24x8, not square/);
  });

  test("those that cannot be read are passed over and named, as long as one is left", async () => {
    const good = join(folder, "good.png");
    await writePng(good, { pixels: new Uint8Array(64 * 3).fill(255), width: 8, height: 8 });
    const { paths, images, unread } = await loadPhotos([join(folder, "gone.png"), good, folder, good], shape);
    expect(paths).toEqual([good, good]);
    expect([...new Set(images)]).toEqual([1]);
    expect(images.length).toBe(2 * 3 * 64);
    expect(unread.map(({ message }) => message)).toEqual([
      `${join(folder, "gone.png")}: no such file or folder; check the path`,
      `${folder}: this is a folder; give a file name`,
    ]);
  });
});

test("a folder stands for the photos in it and below, by name; a file for itself", async () => {
  const photos = join(folder, "of photos");
  mkdirSync(join(photos, "day", "@eaDir"), { recursive: true });
  for (const name of ["b.jpg", "a.PNG", "notes.txt", "day/c.webp", ".hidden.png", "day/@eaDir/c.jpg"]) {
    writeFileSync(join(photos, name), "");
  }
  const inside = ["a.PNG", "b.jpg", "day/c.webp"].map((name) => join(photos, name));
  expect(await photoFiles(["x.jpg", photos, "y"])).toEqual(["x.jpg", ...inside, "y"]);
  const empty = join(folder, "empty");
  mkdirSync(empty);
  await expect(photoFiles([empty])).rejects.toThrow(`${empty}: no photos in it: jpg, png, webp, avif, tiff or gif`);
});
