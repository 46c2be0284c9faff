import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { readText, withText } from "../../src/page/image/png-text.ts";

const picture = () =>
  sharp({ create: { width: 7, height: 5, channels: 3, background: "#3060c0" } })
    .png()
    .toBuffer();
const text = JSON.stringify({ name: "Grüße, 顔", strengths: { smile: -1.5 } });

describe("text in PNG files", () => {
  test("comes back as it was, and the file stays a PNG that others read", async () => {
    const png = await picture();
    const file = withText(png, "pioneer-edit", text);
    expect(readText(file, "pioneer-edit")).toBe(text);
    // libpng checks the checksum of every chunk.
    const read = await sharp(file, { failOn: "warning" }).raw().toBuffer();
    expect(read.equals(await sharp(png).raw().toBuffer())).toBe(true);
    const { comments } = await sharp(file).metadata();
    expect(comments).toEqual([{ keyword: "pioneer-edit", text }]);
  });

  test("of another keyword, of no PNG, and of damaged or cut files there is none", async () => {
    const file = withText(await picture(), "pioneer-edit", text);
    expect(readText(file, "pioneer")).toBeUndefined();
    expect(readText(await picture(), "pioneer-edit")).toBeUndefined();
    expect(readText(new TextEncoder().encode("no picture"), "pioneer-edit")).toBeUndefined();
    for (const length of [9, 40, 60]) expect(readText(file.subarray(0, length), "pioneer-edit")).toBeUndefined();
    const damaged = file.slice();
    damaged[70] = (damaged[70] as number) ^ 1;
    expect(readText(damaged, "pioneer-edit")).toBeUndefined();
  });
});
