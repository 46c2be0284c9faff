// The package in a page; index.ts is the same for Node.

import { addressOf } from "./browser/address.ts";
import { pageEngine } from "./browser/engine.ts";
import { ortBuilds } from "./browser/ort.ts";
import { decodePhoto, encodePhoto } from "./browser/photo.ts";
import { inWorker } from "./browser/worker-platform.ts";
import { FaceFinder, readFaceFile } from "./faces/finder.ts";
import { below, readAddress } from "./fetch.ts";
import { load } from "./load.ts";
import type { LoadOptions } from "./load-options.ts";
import { fetchPhoto } from "./photo-address.ts";
import type { PioneerModel } from "./pioneer.ts";
import type { Platform } from "./platform.ts";

export * from "./common.ts";

const page: Platform = {
  read: async (folder, file, options) => readAddress(below(addressOf(folder), file), options),
  decode: decodePhoto,
  readPhoto: async (place, signal) => fetchPhoto(addressOf(place), signal),
  toImage: (data, side) => new ImageData(data, side, side) as ReturnType<Platform["toImage"]>,
  toBitmap: (data, side) => createImageBitmap(new ImageData(data, side, side)),
  toBlob: encodePhoto,
  engine: pageEngine,
};

/** Trained models, from the folders that `pioneer export` writes. */
export const Pioneer = {
  /**
   * Loads a model folder and checks it.
   * @param folder the address of the folder, relative to the page or whole
   * @throws ModelError in one line: MISSING, DAMAGED, FORMAT, PART, OPTION, INSTALL, BACKEND
   */
  async load(folder: string | URL, options?: LoadOptions): Promise<PioneerModel> {
    const platform = options?.worker ? inWorker(page, options.onEnd) : page;
    try {
      return await load(platform, folder, options);
    } catch (error) {
      platform.close?.();
      throw error;
    }
  },
};

/** Finds faces in photos, and their eyes and mouths, by the networks of the package @vladmandic/face-api. */
export const Faces = {
  /**
   * @param folder the address of the files of `faceFiles`, relative to the page or whole
   * @param options where ONNX Runtime's .wasm files are, as of `LoadOptions`
   * @throws ModelError in one line: INSTALL, MISSING, DAMAGED, BACKEND
   */
  load: (folder: string | URL, { wasmPaths }: Pick<LoadOptions, "wasmPaths"> = {}): Promise<FaceFinder> =>
    FaceFinder.open({
      read: readFaceFile(page, folder),
      photos: page,
      start: (graph) => ortBuilds.wasm.openNetwork(graph, { wasmPaths, threads: undefined, signal: undefined }),
    }),
};
