import { Pioneer, type PioneerModel } from "pioneer-runtime";
import type { ModelPlace } from "./protocol.ts";

/** Models that are kept ready; the one that was not used for longest gives way. */
const kept = 3;

/** Models of a process, loaded when they are first used and again when their folder changed. */
export class LoadedModels {
  /** By folder, the one used last at the end. */
  readonly #models = new Map<string, { readonly version: string; readonly model: PioneerModel }>();

  /** @throws ModelError if the folder cannot be loaded */
  async get({ folder, version }: ModelPlace, threads: number): Promise<PioneerModel> {
    const found = this.#models.get(folder);
    this.#models.delete(folder);
    if (found?.version === version) {
      this.#models.set(folder, found);
      return found.model;
    }
    await found?.model.dispose();
    const model = await Pioneer.load(folder, { threads });
    this.#models.set(folder, { version, model });
    const [oldest] = this.#models;
    if (this.#models.size > kept && oldest) {
      this.#models.delete(oldest[0]);
      await oldest[1].model.dispose();
    }
    return model;
  }
}
