import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CheckpointFacts } from "../../src/checkpoint/checkpoint.ts";

/** What a run would say of itself in phase 1 after so many images. */
export const facts = (images = 1234): CheckpointFacts => ({
  recipe: "accv2018",
  images,
  steps: 17,
  elapsedSeconds: 3.25,
  phase: 1,
  alpha: 1,
  colour: "rgb",
  crop: "center",
  align: null,
  from: null,
  pair: "averaged",
  encoderOrder: "joint",
  schedule: { phases: [{ phase: 0, startImages: 0, fadeImages: 500 }], totalImages: 3000 },
  pack: { id: "0".repeat(64), path: "photos.pack", trainImages: 40 },
});

/** The files of a folder with their digests. */
export const digests = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder).map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
