// How large a photo may be that is decoded.
import { option, whole } from "./option-schema.ts";

/** Pixels of a photo, where nobody says otherwise: 16383 x 16383, as libvips has it. */
export const usualMostPixels = 0x3fff ** 2;

/** Of everything that reads photos. @param group of options, in the help */
export const maxPixels = (group?: string) =>
  option(whole(1).optional(), {
    value: "N",
    ...(group !== undefined && { group }),
    description: "read photos of up to so many pixels, whatever memory they take",
    default: `${usualMostPixels}, and 1 GiB while one is decoded`,
  });

/** Of the commands that read photos. */
export const maxPixelsOption = { maxPixels: maxPixels() };
