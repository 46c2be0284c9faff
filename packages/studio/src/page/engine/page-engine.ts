import { Pioneer } from "pioneer-runtime";
import type { Engine } from "./engine.ts";
import type { OpenModel } from "./open-model.ts";

const labels: Record<string, string> = { wasm: "WebAssembly", webgpu: "WebGPU" };

/**
 * A model in a worker of this page.
 * @param onEnd told if the worker ends by itself
 */
export async function pageEngine({ folder, hasEncoder }: OpenModel, onEnd: (error: Error) => void): Promise<Engine> {
  const parts = hasEncoder ? (["encoder", "generator"] as const) : (["generator"] as const);
  const model = await Pioneer.load(folder, { parts, worker: true, onEnd });
  return {
    place: "page",
    get label() {
      return labels[model.backend.name] ?? model.backend.name;
    },
    settled: model.settled,
    decode: async (latents) => (await model.decode(latents, { as: "array" })).data,
    encode: (image) => model.encode(image),
    close: () => void model.dispose(),
  };
}
