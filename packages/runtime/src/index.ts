// The package in Node; browser.ts is the same for pages.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ModelError } from "./errors.ts";
import { FaceFinder, readFaceFile } from "./faces/finder.ts";
import { load } from "./load.ts";
import type { LoadOptions } from "./load-options.ts";
import { cpuEngine, startNetworkOnCpu } from "./node/engine.ts";
import { decodePhoto, encodePhoto, readPhoto } from "./node/photo.ts";
import { readFromFolder } from "./node/read.ts";
import type { PioneerModel } from "./pioneer.ts";
import type { Platform } from "./platform.ts";

export * from "./common.ts";

const node: Platform = {
  read: readFromFolder,
  decode: decodePhoto,
  readPhoto,
  toImage: (data, side) => ({ data, width: side, height: side }) as ReturnType<Platform["toImage"]>,
  toBitmap: async () => {
    throw new ModelError("OPTION", 'as: "bitmap" is for pages; in Node it is "image", or a file ("png", "blob")');
  },
  toBlob: encodePhoto,
  engine: cpuEngine,
};

/** Trained models, from the folders that `pioneer export` writes. */
export const Pioneer = {
  /**
   * Loads a model folder and checks it.
   * @param folder a path, a file: URL, or an http address
   * @throws ModelError in one line: MISSING, DAMAGED, FORMAT, PART, OPTION, INSTALL, BACKEND
   */
  async load(folder: string | URL, options?: LoadOptions): Promise<PioneerModel> {
    if (options?.worker) {
      throw new ModelError("OPTION", "worker: true is for pages; in Node load the model in a thread of worker_threads");
    }
    return load(node, folder, options);
  },
};

/** Finds faces in photos, and their eyes and mouths, by the networks of the package @vladmandic/face-api. */
export const Faces = {
  /** @throws ModelError in one line: INSTALL without that package or onnxruntime-node, MISSING, DAMAGED, BACKEND */
  async load(folder: string | URL = faceFolder()): Promise<FaceFinder> {
    return FaceFinder.open({ read: readFaceFile(node, folder), start: startNetworkOnCpu, photos: node });
  },
};

/** Where the files of `faceFiles` lie: a folder of the package @vladmandic/face-api. @throws ModelError INSTALL without it */
export function faceFolder(): string {
  try {
    const name = createRequire(import.meta.url).resolve("@vladmandic/face-api/package.json");
    return join(dirname(name), "model");
  } catch (error) {
    const mend = "npm install @vladmandic/face-api, or place photos by hand";
    throw new ModelError("INSTALL", `the package @vladmandic/face-api, which finds faces, is not installed: ${mend}`, {
      cause: error,
    });
  }
}
