// The page for a host that only serves files: it computes by itself, with models that lie beside it.
import { copyFile, cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { faceFiles, faceFolder, type ModelConfig } from "pioneer-runtime";
import type { Site, UsableModel } from "../../shared/models.ts";
import { fileOf } from "../base/confined.ts";
import { checkPage, pageFolder } from "../base/page-folder.ts";
import { Library } from "../models/library.ts";
import { partsOf, readConfig } from "../models/model-folder.ts";
import { contentSecurityPolicy } from "../safety/headers.ts";

export interface SiteOptions {
  /** Model folders, or folders of such. */
  readonly models: readonly string[];
  readonly version: string;
}

export interface WrittenSite {
  readonly models: readonly string[];
  /** Bytes of the models' files. */
  readonly modelBytes: number;
}

class SiteError extends Error {
  readonly code = "SITE";
}

/**
 * Fills an empty folder with the page and its models.
 * @throws Error in one line for a model that cannot be used, or where there is none
 */
export async function writeSite(folder: string, { models: places, version }: SiteOptions): Promise<WrittenSite> {
  checkPage();
  const library = new Library(places);
  const models = await library.list();
  const usable = models.filter((model) => model.usable);
  const broken = models.find((model) => !model.usable);
  if (broken && !broken.usable) throw new SiteError(broken.problem);
  if (usable.length === 0) throw new SiteError("a site needs a model: name a model folder (pioneer export writes one)");
  await cp(pageFolder, folder, { recursive: true });
  await withPolicy(join(folder, "index.html"));
  for (const { id } of usable) await copyModel(await library.folderOf(id), join(folder, "models", id));
  if (usable.some(({ align }) => align !== null)) await copyFaces(join(folder, "faces"));
  const site: Site = { server: false, version, models: usable };
  await writeFile(join(folder, "studio.json"), `${JSON.stringify(site)}\n`);
  return {
    models: usable.map(({ id }) => id),
    modelBytes: usable.reduce((sum, { bytes }: UsableModel) => sum + bytes, 0),
  };
}

/** What the page reads of a model: nothing that was exported for libtorch. */
async function copyModel(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  const config = await readConfig(from);
  const files = partsOf(config);
  await writeFile(join(to, "config.json"), `${JSON.stringify({ ...config, files } satisfies ModelConfig, null, 2)}\n`);
  for (const name of Object.keys(files)) await copyFile(await fileOf(from, name), join(to, name));
}

/** What finds faces, for the models that know them in one place; with its licence. */
async function copyFaces(to: string): Promise<void> {
  const from = faceFolder();
  await mkdir(to, { recursive: true });
  for (const name of faceFiles) await copyFile(join(from, name), join(to, name));
  await copyFile(join(from, "..", "LICENSE"), join(to, "LICENSE"));
}

/** No server adds the policy to its answers, so the page says it itself. */
async function withPolicy(path: string): Promise<void> {
  const html = await readFile(path, "utf8");
  const policy = `<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy}" />`;
  await writeFile(
    path,
    html.replace(/<meta charset="utf-8" ?\/?>/i, (charset) => `${charset}\n    ${policy}`),
  );
}
