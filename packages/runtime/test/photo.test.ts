import sharp from "sharp";
import { expect, test } from "vitest";
import { decodePhoto } from "../src/node/photo.ts";
import { linearGrey, withProfile } from "./support/grey-profile.ts";

test("in Node a colour profile of 16-bit grey is applied, as Chromium does", async () => {
  const levels = [0, 64, 128, 200, 255];
  const raw = { width: levels.length, height: 1, channels: 1 as const };
  const grey = sharp(
    Uint16Array.from(levels, (level) => 257 * level),
    { raw },
  ).toColourspace("grey16");
  const { pixels } = await decodePhoto(withProfile(await grey.png().toBuffer(), linearGrey));
  // The sRGB curve of light x = level / 255: 1.055 x^(1/2.4) - 0.055.
  expect([...pixels.data].filter((_, i) => i % 3 === 0)).toEqual([0, 137, 188, 229, 255]);
  // Without a profile levels are what they say.
  const plain = await decodePhoto(await grey.png().toBuffer());
  expect([...plain.pixels.data].filter((_, i) => i % 3 === 0)).toEqual(levels);
});
