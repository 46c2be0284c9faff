import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { resizeAsAuthors } from "../../../src/data/dump-authors.ts";
import type { RawImage } from "../../../src/data/pixels/decode.ts";
import { resizeBilinear } from "../../../src/data/pixels/pillow.ts";

const sha256 = ({ pixels }: RawImage) => createHash("sha256").update(pixels).digest("hex");

/** The same numbers as the Python script that computed the digests below. */
function pattern(width: number, height: number): RawImage {
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < pixels.length; i++) {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    pixels[i] = (x * 7 + y * 13 + c * 29 + ((x * y) % 17) * 5 + ((x * x) % 101)) % 256;
  }
  return { width, height, pixels };
}

// Pillow 9.5.0: Image.resize(..., BILINEAR) and crop with the sizes of torchvision's Resize and CenterCrop. (Pillow 13
// may resize columns first, which changes some values by 1.)
test.each([
  [4, "2be1b1ab56ea172f52b1f4c773e93a2c2a1135c502ea950574ab488c5dd5075b"],
  [8, "0d044b36ee2a8fbdcebeff109fa73eeb46d39da3972c26af093e0d3d5848a9a7"],
  [32, "97983e59b5c0f2ca3baf3bdd437a616154ab25b210e5b6d084e4d90732fa70fb"],
  [64, "14bdadb5514585f272f51d75b4a3da09799e79cc48884cfc424f2e68d8e0667e"],
  [128, "524453e1fd8abf15acbfab9fe46ceed0ea1e1039e5c65f99f3d88813d56f5ec6"],
])("CelebA's resize to %i is Pillow's, to the bit", (resolution, digest) => {
  expect(sha256(resizeAsAuthors(pattern(178, 218), resolution, "celeba"))).toBe(digest);
});

test.each([
  [341, 256, 4, "4f65b459ecde8934ba110238c71ea39e1e4b887240e5c029ba029c4665d179c8"],
  [341, 256, 32, "9e6afc266fd3d882b8c7aead49ecfc0cba95e50a8fa1703405bfb95cf0c6ca4c"],
  [341, 256, 64, "b4eb786b62f314b4f029d9ea5ab160316df14d54c27691d10db1e649b3d8cd67"],
  [256, 301, 4, "1e9aec4499dca321a7afac7c0204c4dd0bc10d3e101201d6a42b8c2f1e88a1ed"],
  [256, 301, 32, "2a51184655012a04377d08385907244c2ff7010592737f1a48a44b8e23cf7781"],
  [256, 301, 64, "85a0cadb62be02e8b0bc582a0b3b5d46d5d8dd578dd7cf801663c5cfdcc3983d"],
  [32, 32, 4, "90f4ef47d7b0cc7ddace729f5bbe5d2c44bdfca34f28070bf28ab15f5c6934bb"],
  [32, 32, 32, "10d9b29169e4d7ad9fba34e351ed2753224c341a35f84e6fcebb5defb65c3526"],
  [32, 32, 64, "f78007ae8de93939b5f2bca28dd9e8e10f847185d280ae5e209d0151378e4e02"],
  [20, 50, 4, "a4204d71a5b21e3cb6645d07616a038eb569ec5f639bf5e9598fa7ff63f20fab"],
  [20, 50, 32, "66760eea078875d304efac835b6425d41a2fa6fbfcead63bb86562870c74ba5e"],
  [20, 50, 64, "8bc33716de15e4ca9323f8f1cadbbe768f38408a8f43ae3816b63aa361a38d0c"],
])("LSUN's resize of %ix%i to %i is Pillow's, enlarging too", (width, height, resolution, digest) => {
  expect(sha256(resizeAsAuthors(pattern(width, height), resolution, "center"))).toBe(digest);
});

test("a flat image stays flat, white stays white", () => {
  for (const value of [0, 77, 255]) {
    const flat = { width: 37, height: 53, pixels: new Uint8Array(37 * 53 * 3).fill(value) };
    expect(new Set(resizeBilinear(flat, 9, 64).pixels)).toEqual(new Set([value]));
  }
});
