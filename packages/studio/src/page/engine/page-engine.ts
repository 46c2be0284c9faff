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
  let ended = false;
  // A graphics processor can be lost in the middle, to its driver or to sleep, and the model with it.
  const computed = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (error) {
      if (ended || model.backend.name !== "webgpu") throw error;
      ended = true;
      void model.dispose();
      onEnd(new Error(`WebGPU computes no more (${(error as Error).message})`));
      throw new DOMException("WebGPU was lost", "AbortError");
    }
  };
  return {
    place: "page",
    get label() {
      return labels[model.backend.name] ?? model.backend.name;
    },
    settled: model.settled,
    decode: async (latents) => (await computed(model.decode(latents, { as: "array" }))).data,
    encode: (image) => computed(model.encode(image)),
    close: () => {
      ended = true;
      void model.dispose();
    },
  };
}
