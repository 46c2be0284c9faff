import type { Engine } from "./engine.ts";
import type { ModelWorker } from "./model-worker.ts";
import type { OpenModel } from "./open-model.ts";
import { Remote } from "./rpc.ts";

const labels: Record<string, string> = { wasm: "WebAssembly", webgpu: "WebGPU" };

/**
 * A model in a worker of this page.
 * @param onDeath told if the worker ends by itself
 */
export async function pageEngine({ folder, hasEncoder }: OpenModel, onDeath: (error: Error) => void): Promise<Engine> {
  const worker = new Worker(new URL("./model-worker.ts", import.meta.url), { type: "module" });
  const remote = new Remote<ModelWorker>(worker, onDeath);
  try {
    const { backend } = await remote.call("load", folder, hasEncoder ? ["encoder", "generator"] : ["generator"]);
    return {
      place: "page",
      label: labels[backend] ?? backend,
      decode: (latents) => remote.call("decode", latents),
      encode: (image) => remote.call("encode", image),
      close: () => remote.end(),
    };
  } catch (error) {
    remote.end();
    throw error;
  }
}
