import sharp from "sharp";
import { expect, test } from "vitest";
import { kindOfStart, refusalOfKind } from "../../src/base/file-kind.ts";

const latin = (text: string) => Buffer.from(text, "latin1");

test.each([
  ["\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture", "heif-convert 'my photo' photo.jpg"],
  ["\0\0\0\x18ftypmif1\0\0\0\0", "a HEIC picture", "heif-convert"],
  ["P5\n8 8\n255\n", "a PNM picture (pgm, ppm)", "convert 'my photo' photo.png"],
  ["BM\x36\x0c\0\0\0\0\0\0\x36", "a BMP picture", "convert"],
  ["7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive", "7z x 'my photo'"],
  ["BZh91AY&SY", "a file packed with bzip2", "tar xjf"],
  ["\xfd7zXZ\0\0", "a file packed with xz", "tar xJf"],
  ["\x28\xb5\x2f\xfd\x04", "a file packed with zstd", "tar --zstd -xf"],
  [
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n",
    "a pointer of Git LFS, not the file itself",
    "git lfs pull",
  ],
  ["<!DOCTYPE html>\n<title>Sign in</title>", "a web page", "download the file itself"],
])("what is not read is named with its mend: %j", (start, kind, mend) => {
  expect(kindOfStart(latin(start))?.kind).toBe(kind);
  const refusal = refusalOfKind(latin(start), "my photo");
  expect(refusal).toContain(`is ${kind}, which is not read: `);
  expect(refusal).toContain(mend);
});

test("what is read is not refused, whatever it is", async () => {
  const image = sharp({ create: { width: 4, height: 4, channels: 3, background: "#123" } });
  for (const format of ["png", "jpeg", "webp", "gif", "tiff", "avif"] as const) {
    expect(refusalOfKind(await image.clone().toFormat(format).toBuffer(), "a")).toBeUndefined();
  }
  expect(kindOfStart(latin("BM, a note of mine"))).toBeUndefined();
  expect(kindOfStart(latin(""))).toBeUndefined();
});
