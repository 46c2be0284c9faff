import { closeSync, mkdtempSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keep, scope, type Tensor } from "pioneer-torch";
import { checkSpace, diskError } from "../base/disk.ts";
import { createFile } from "../base/write.ts";
import { mapFile } from "../compute/operators.ts";

const block = Buffer.alloc(4 * 2 ** 20);

/**
 * A float32 tensor whose elements lie in a file without a name in the system's temporary folder: it may be larger than the
 * memory, and nothing is left of it when it is disposed of or the process ends, in whatever way.
 * @throws DataError in one line if the disk has no room for it
 */
export async function scratch(rows: number, columns: number): Promise<Tensor> {
  const bytes = rows * columns * 4;
  const folder = tmpdir();
  await checkSpace(join(folder, "scratch of evaluate (set TMPDIR to another folder)"), bytes);
  const beside = mkdtempSync(join(folder, "pioneer-evaluate-"));
  try {
    const path = join(beside, "scratch");
    const file = createFile(path);
    try {
      // Really written: a disk that is full later would end the process when a page is touched.
      for (let at = 0; at < bytes; ) at += writeSync(file, block, 0, Math.min(block.length, bytes - at));
    } finally {
      closeSync(file);
    }
    return scope(() => keep(mapFile(path, rows * columns, "float32").reshape([rows, columns])));
  } catch (error) {
    throw diskError(error, `${folder} (set TMPDIR to another folder)`);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}
