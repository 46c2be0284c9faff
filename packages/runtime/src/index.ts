// The package in Node; browser.ts is the same for pages.

import { ModelError } from "./errors.ts";
import { load } from "./load.ts";
import type { LoadOptions } from "./load-options.ts";
import { cpuEngine } from "./node/engine.ts";
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
  load: (folder: string | URL, options?: LoadOptions): Promise<PioneerModel> => load(node, folder, options),
};
