// A model computed in this page, on a thread of its own.
import { Pioneer, type PioneerModel } from "pioneer-runtime";
import { answer } from "./rpc.ts";

let model: PioneerModel | undefined;

const opened = (): PioneerModel => {
  if (!model) throw new Error("no model was loaded in this worker");
  return model;
};

const handlers = {
  /** @param folder the whole address of a model folder */
  async load(folder: string) {
    model = await Pioneer.load(folder, { parts: await partsOf(folder) });
    const { name, reason } = model.backend;
    return { backend: name, reason };
  },
  decode: (latents: Float32Array) => opened().decode(latents),
  encode: (image: Float32Array) => opened().encode(image),
};

/** The page edits by itself, and a model may have no encoder. */
async function partsOf(folder: string): Promise<("encoder" | "generator")[]> {
  const config = (await (await fetch(`${folder}/config.json`)).json()) as { files: object };
  return "encoder.onnx" in config.files ? ["encoder", "generator"] : ["generator"];
}

export type ModelWorker = typeof handlers;

answer(globalThis as unknown as Worker, handlers);
