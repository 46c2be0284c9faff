import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { composeGrid } from "../../src/pictures/grid.ts";
import { isMarked } from "../../src/pictures/mark.ts";
import { replacePng, writePng } from "../../src/pictures/png.ts";
import type { RgbImage } from "../../src/pictures/rgb-image.ts";
import { planes } from "./support.ts";

const folder = temporaryFolder();

describe("writePng", () => {
  test("writes what was composed, makes the folder and leaves nothing else", async () => {
    const grid = composeGrid(planes([1, -1, 0]), { resolution: 4, columns: 1, scale: 1 });
    await writePng(join(folder, "new", "grid.png"), grid);
    const { data, info } = await sharp(join(folder, "new", "grid.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([4, 4, 3]);
    expect([...data]).toEqual([...grid.pixels]);
    expect(readdirSync(join(folder, "new"))).toEqual(["grid.png"]);
  });

  test("replaces pictures of ours, and no file of the user's", async () => {
    const path = join(folder, "again.png");
    const [black, white] = [-1, 1].map((value) =>
      composeGrid(planes([value, value, value]), { resolution: 4, columns: 1, scale: 1 }),
    ) as [RgbImage, RgbImage];
    const first = await writePng(path, black);
    expect(isMarked(first)).toBe(true);
    expect((await sharp(await writePng(path, white)).stats()).channels[0]?.min).toBe(255);

    const own = await sharp(first).png().toBuffer(); // the same pixels, by another program
    expect(isMarked(own)).toBe(false);
    for (const [content, kind] of [
      [own, "a PNG picture"],
      [Buffer.from("mine"), "another file"],
    ] as const) {
      writeFileSync(path, content);
      await expect(writePng(path, white)).rejects.toThrow(
        `${path} is ${kind} that this program did not write, and stays: give another folder or name, or move it away`,
      );
      expect(readFileSync(path).equals(content)).toBe(true);
    }
    expect(isMarked(await replacePng(path, white))).toBe(true);
  });

  test("a place that cannot be written is one line, and nothing half-written stays", async () => {
    mkdirSync(join(folder, "taken", "grid.png", "in-it"), { recursive: true });
    const grid = composeGrid(planes([0, 0, 0]), { resolution: 4, columns: 1 });
    await expect(writePng(join(folder, "taken", "grid.png"), grid)).rejects.toThrow(/grid\.png: [^\n]+$/);
    expect(readdirSync(join(folder, "taken"))).toEqual(["grid.png"]);
  });
});
