import { join } from "node:path";
import { directionsFile } from "pioneer-runtime/internal";
import { formatBytes } from "../../base/format.ts";
import { parseJson, readText } from "../../base/read.ts";
import { readModelConfig, verifyModelFolder } from "../../models/model-folder.ts";
import { describeCrop } from "./describe-crop.ts";
import type { Description } from "./description.ts";

/**
 * What a model folder is, from its files alone: neither libtorch nor ONNX Runtime is needed.
 * @param verify compares every listed file with its checksum
 * @throws DataError if config.json is damaged or newer; with `verify` naming the first file that is not as it was written
 */
export async function describeModelFolder(path: string, verify: boolean): Promise<Description> {
  const config = verify ? await verifyModelFolder(path) : await readModelConfig(path);
  const { recipe, latent, channels, colour, dtype, resolution, phase, alpha, kimg, version, files } = config;
  const directions = await readDirectionNames(path);
  const lines = [
    `model       ${path}${verify ? ", all checksums good" : ""}`,
    `networks    ${recipe}, latent ${latent}, channels ${channels}, ${colour}, ${describeCrop(config)}, weights ${dtype}`,
    `phase       ${phase} (${resolution}x${resolution}), alpha ${alpha.toFixed(3)}, ${kimg} kimg`,
    ...Object.entries(files).map(
      ([name, { bytes }], i) => `${(i === 0 ? "files" : "").padEnd(10)}  ${name}, ${formatBytes(bytes)}`,
    ),
    `directions  ${directions.length === 0 ? "none" : directions.join(" ")}`,
    `written by  pioneer ${version}`,
  ];
  return { value: { kind: "model", path, ...config, directions, ...(verify && { verified: true }) }, lines };
}

async function readDirectionNames(folder: string): Promise<string[]> {
  try {
    const parsed = directionsFile.parse(parseJson(await readText(join(folder, "directions.json"))));
    return Object.keys(parsed.directions);
  } catch {
    return []; // missing or damaged: --verify says so
  }
}
