import type { DirectionsFile, ModelConfig } from "pioneer-runtime";
import { directionsFile, modelConfig } from "pioneer-runtime/internal";
import { parse } from "zod/mini";
import { create } from "zustand";
import type { ModelList, UsableModel } from "../../shared/models.ts";
import { fetchJson, folderOf, listModels } from "../api/client.ts";
import type { OpenModel } from "../engine/open-model.ts";
import { openEngines } from "./engines.ts";

export type { OpenModel } from "../engine/open-model.ts";

interface Models {
  readonly list: ModelList;
  readonly open: OpenModel | undefined;
  /** Its directions.json. */
  readonly directions: DirectionsFile;
  readonly status: "loading" | "ready" | "none" | "failed";
  readonly problem: string | undefined;
}

export const useModels = create<Models>(() => ({
  list: [],
  open: undefined,
  directions: { format: 1, latent: 0, directions: {} },
  status: "loading",
  problem: undefined,
}));

/** Asks which models there are, and opens the one that was used last, else the first. */
export async function startModels(): Promise<void> {
  try {
    const list = await listModels();
    useModels.setState({ list });
    const usable = list.filter((entry) => entry.usable);
    const wanted = usable.find(({ id }) => id === localStorage.getItem(lastModel)) ?? usable[0];
    const [broken] = list;
    if (wanted) await openModel(wanted);
    else if (broken && !broken.usable) {
      useModels.setState({ status: "failed", problem: `${broken.name}: ${broken.problem}` });
    } else useModels.setState({ status: "none" });
  } catch (error) {
    useModels.setState({ status: "failed", problem: (error as Error).message });
  }
}

const lastModel = "pioneer-studio model";

export async function openModel(entry: UsableModel): Promise<void> {
  useModels.setState({ status: "loading", problem: undefined });
  try {
    const folder = folderOf(entry.id);
    const config = parse(modelConfig, await fetchJson(`${folder}/config.json`));
    const directions = await readDirections(folder, config);
    const open: OpenModel = {
      id: entry.id,
      name: entry.name,
      folder,
      config,
      hasEncoder: "encoder.onnx" in config.files,
      key: config.files["generator.onnx"]?.sha256 ?? entry.id,
    };
    await openEngines(open);
    localStorage.setItem(lastModel, entry.id);
    useModels.setState({ open, directions, status: "ready" });
  } catch (error) {
    useModels.setState({ status: "failed", problem: `${entry.name}: ${(error as Error).message}` });
  }
}

async function readDirections(folder: string, { files, latent }: ModelConfig): Promise<DirectionsFile> {
  if (!("directions.json" in files)) return { format: 1, latent, directions: {} };
  return parse(directionsFile, await fetchJson(`${folder}/directions.json`));
}

/** After one was saved into the model folder. */
export async function rereadDirections(): Promise<void> {
  const open = modelNow();
  const config = parse(modelConfig, await fetchJson(`${open.folder}/config.json`));
  const directions = await readDirections(open.folder, config);
  if (modelNow() === open) useModels.setState({ directions });
}

/** The list again, after a checkpoint became a model. */
export async function refreshModels(): Promise<ModelList> {
  const list = await listModels();
  useModels.setState({ list });
  return list;
}

/** The model in use; panels are shown only when there is one. */
export const useModel = (): OpenModel => useModels(({ open }) => open as OpenModel);
export const modelNow = (): OpenModel => useModels.getState().open as OpenModel;
