// Computes with models in a process of its own: ONNX Runtime holds up the thread that asks it, and a photo or a model that
// brings down a library must not bring down the server. Ends with its parent.
import { ModelError, type PioneerModel } from "pioneer-runtime";
import { firstLine, joined, latentSampler } from "pioneer-runtime/internal";
import { LoadedModels } from "./loaded-models.ts";
import { checkPhoto } from "./photo-limits.ts";
import type { Computed, FromProcess, ImageForm, Job, ToProcess } from "./protocol.ts";

const models = new LoadedModels();

process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group; the parent decides what it means.
process.on("SIGINT", () => undefined);
process.on("message", (message: ToProcess) => {
  // Where the parent has closed the channel meanwhile, there is nobody to tell.
  void answer(message).then((reply) => process.send?.(reply, undefined, {}, () => undefined));
});

async function answer({ model: place, job, threads }: ToProcess): Promise<FromProcess> {
  try {
    if (job.kind === "encode") await checkPhoto(job.photo);
    const model = await models.get(place, threads);
    const { latent, resolution } = model;
    return { kind: "done", latent, resolution, ...(await compute(model, job)) };
  } catch (error) {
    const code = error instanceof ModelError ? error.code : "UNEXPECTED";
    return { kind: "failed", code, message: firstLine(error) };
  }
}

async function compute(model: PioneerModel, job: Job): Promise<Pick<Computed, "latents" | "images">> {
  if (job.kind === "encode") {
    const { photo, face } = job;
    return { latents: await model.encode(face ? { photo, face } : photo), images: [] };
  }
  if (job.kind === "encode-planes") return { latents: await model.encode(job.images), images: [] };
  if (job.kind === "sample") {
    const latents = latentSampler(model.latent, job.seed)(job.count);
    return { latents, images: await decode(model, latents, job.form) };
  }
  const latents = job.kind === "edit" ? model.edit(job.latents, job.strengths) : job.latents;
  return { latents, images: await decode(model, latents, job.form) };
}

async function decode(model: PioneerModel, latents: Float32Array, form: ImageForm): Promise<Uint8Array[]> {
  if (form === "png") return model.decode(latents, { as: "png" });
  const images = await model.decode(latents, { as: "image" });
  const pixels = images.map(({ data }) => data);
  return [joined(Uint8Array, pixels)];
}
