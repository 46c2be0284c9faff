// Values that options of several commands take.
import { colours, crops } from "pioneer-runtime/internal";
import { oneOf, text, whole } from "./option-schema.ts";

/** Images to learn from or to measure with. */
export const imageSource = text("a pack, an image folder, an archive, or procedural:faces");

export const crop = oneOf(crops, { none: "photos must be square", celeba: "as the authors crop CelebA" });
export const colour = oneOf(["auto", ...colours], { auto: "grey where every image is" });

export const device = oneOf(["auto", "cpu", "cuda"], { auto: "cuda where there is one" });
export const precisions = ["auto", "bf16", "fp32"] as const;
export const precision = oneOf(precisions, { auto: "bf16 where the hardware has it" });
export const threads = whole(1, 1024);
