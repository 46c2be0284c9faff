import type { Model } from "pioneer-runtime";
import type { ModelOptions } from "../open-model.ts";
import { oneOf, option, text, whole } from "../option-schema.ts";

/** Options of every command that uses a trained model. */
export const modelOptions = {
  model: option(text("a run, one of its checkpoints, or a model folder"), {
    value: "MODEL",
    description: "a run (its newest checkpoint is used), one of its checkpoints, or a model folder",
  }),
  out: option(text("a folder for the pictures"), {
    value: "DIR",
    description: "folder for the pictures, made if missing",
  }),
  engine: option(oneOf(["torch", "onnx"]).optional(), {
    value: "E",
    description: "what computes it: torch (default for a run) or onnx (default for a model folder)",
  }),
  device: option(oneOf(["auto", "cpu", "cuda"]).default("auto"), {
    value: "D",
    description: "cpu, cuda, or auto: cuda where there is one (default)",
  }),
  threads: option(whole(1, 1024).optional(), { value: "T", description: "threads, 1 to 1024; default: all cores" }),
};

/** Of the commands that encode photos. */
export const refineOption = option(whole(0, 100_000).default(0), {
  value: "STEPS",
  description: "improve each encoding by this many gradient steps, 0 to 100000; 100 is a good number, default 0",
});

/** Opens a model for as long as `work` takes. */
export async function withModel<T>(
  { model: path, ...options }: ModelOptions & { readonly model: string },
  work: (model: Model) => Promise<T>,
): Promise<T> {
  const { openAnyModel } = await import("../open-model.ts");
  const model = await openAnyModel(path, options);
  try {
    return await work(model);
  } finally {
    model.dispose();
  }
}
