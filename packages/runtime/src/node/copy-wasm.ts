import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { wasmFiles } from "../browser/wasm-file.ts";
import { firstLine, ModelError } from "../errors.ts";

/**
 * Writes ONNX Runtime's .wasm files, compressed by gzip, which the runtime decompresses itself: so few bytes travel
 * whatever the server does.
 * @param folder made where it is not there; files of these names are replaced
 * @param from   where onnxruntime-web is looked for: a program's folder
 * @throws ModelError INSTALL, MISSING
 */
export async function copyWasm(
  folder: string,
  from: string = process.cwd(),
): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const found = Object.values(wasmFiles).map(({ name }) => ({ name, source: findWasm(name, from) }));
  try {
    await mkdir(folder, { recursive: true });
    return await Promise.all(
      found.map(async ({ name, source }) => {
        const compressed = await promisify(gzip)(await readFile(source));
        const path = join(folder, `${name}.gz`);
        // Beside, and renamed: a page that is being served never gets half a file.
        await writeFile(`${path}.writing`, compressed);
        await rename(`${path}.writing`, path);
        return { path, bytes: compressed.length };
      }),
    );
  } catch (error) {
    throw new ModelError("MISSING", `${folder} cannot be written: ${firstLine(error)}`, { cause: error });
  }
}

function findWasm(name: string, from: string): string {
  try {
    return createRequire(join(from, "package.json")).resolve(`onnxruntime-web/${name}`);
  } catch (error) {
    throw new ModelError("INSTALL", `onnxruntime-web is not installed in ${from}: npm install onnxruntime-web`, {
      cause: error,
    });
  }
}
