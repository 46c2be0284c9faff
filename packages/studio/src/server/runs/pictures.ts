import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Grid } from "../../shared/runs.ts";

const pattern = /^([a-z]+)-(\d{8}(?:\.\d{3})?)\.png$/;
const reals = "reals.png";

/** Whether a file of a run is one of its pictures. */
export const isGrid = (name: string): boolean => name === reals || pattern.test(name);

/** Pictures of a run, oldest first. */
export async function readGrids(run: string): Promise<Grid[]> {
  const names = (await readdir(run).catch(() => [])).filter(isGrid);
  const grids = await Promise.all(names.map((name) => readGrid(run, name)));
  return grids
    .filter((grid) => grid !== undefined)
    .sort((a, b) => (a.kimg ?? -1) - (b.kimg ?? -1) || a.name.localeCompare(b.name));
}

async function readGrid(run: string, name: string): Promise<Grid | undefined> {
  const found = await stat(join(run, name)).catch(() => undefined);
  // A picture that is about to be written has no bytes yet.
  if (!found?.isFile() || found.size === 0) return undefined;
  const [, kind = "reals", kimg] = pattern.exec(name) ?? [];
  return { name, kind, kimg: kimg === undefined ? null : Number(kimg), modified: Math.round(found.mtimeMs) };
}
