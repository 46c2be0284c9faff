// What people teach a model in the box goes to a copy of their own.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { defaultCacheDir } from "../base/cache-dir.ts";
import { writeFolderBeside } from "../base/whole-folder.ts";
import { isModelFolder, readModelConfig } from "./model-folder.ts";
import { type ShippedModel, shippedAt } from "./shipped.ts";

/** Where the copy of a model in the box is that was taught something. */
const copyOf = ({ name }: Pick<ShippedModel, "name">): string => join(defaultCacheDir(), "models", name);

/** The folder of a model in the box: the copy that was taught something, as long as it is of the same networks. */
export async function folderInUse(model: ShippedModel): Promise<string> {
  const copy = copyOf(model);
  return (await hasSameNetworks(copy, model.folder)) ? copy : model.folder;
}

/** A folder of the same networks that may be written to: the copy of a model in the box, made where there is none. */
export async function writableFolder(folder: string): Promise<string> {
  const model = shippedAt(folder);
  if (model === undefined) return folder;
  const copy = copyOf(model);
  if (!(await hasSameNetworks(copy, folder))) {
    await writeFolderBeside(copy, (beside) => cp(folder, beside, { recursive: true }));
  }
  return copy;
}

async function hasSameNetworks(copy: string, folder: string): Promise<boolean> {
  if (!(await isModelFolder(copy))) return false;
  const [has, wanted] = [await readModelConfig(copy).catch(() => undefined), await readModelConfig(folder)];
  const networks = Object.keys(wanted.files).filter((name) => name.endsWith(".onnx"));
  return networks.every((name) => has?.files[name]?.sha256 === wanted.files[name]?.sha256);
}
