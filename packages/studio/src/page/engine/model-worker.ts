// A model computed in this page, on a thread of its own.
import { type Part, Pioneer, type PioneerModel } from "pioneer-runtime";
import { answer } from "./rpc.ts";

let model: PioneerModel | undefined;

const opened = (): PioneerModel => {
  if (!model) throw new Error("no model was loaded in this worker");
  return model;
};

const handlers = {
  /** @param folder the whole address of a model folder @param parts of it: the page edits by itself */
  async load(folder: string, parts: readonly Part[]) {
    model = await Pioneer.load(folder, { parts });
    const { name, reason } = model.backend;
    return { backend: name, reason };
  },
  decode: async (latents: Float32Array) => (await opened().decode(latents, { as: "array" })).data,
  encode: (image: Float32Array) => opened().encode(image),
};

export type ModelWorker = typeof handlers;

answer(handlers);
