import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { composeGrid } from "../../src/pictures/grid.ts";
import { writePng } from "../../src/pictures/png.ts";
import { planes } from "./support.ts";

const folder = temporaryFolder();

describe("writePng", () => {
  test("writes what was composed, makes the folder and leaves nothing else", async () => {
    const grid = composeGrid(planes([1, -1, 0]), { resolution: 4, columns: 1, minCell: 4 });
    await writePng(join(folder, "new", "grid.png"), grid);
    const { data, info } = await sharp(join(folder, "new", "grid.png"))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([4, 4, 3]);
    expect([...data]).toEqual([...grid.pixels]);
    expect(readdirSync(join(folder, "new"))).toEqual(["grid.png"]);
  });

  test("a place that cannot be written is one line, and nothing half-written stays", async () => {
    mkdirSync(join(folder, "taken", "grid.png", "in-it"), { recursive: true });
    const grid = composeGrid(planes([0, 0, 0]), { resolution: 4, columns: 1 });
    await expect(writePng(join(folder, "taken", "grid.png"), grid)).rejects.toThrow(/grid\.png: [^\n]+$/);
    expect(readdirSync(join(folder, "taken"))).toEqual(["grid.png"]);
  });
});
