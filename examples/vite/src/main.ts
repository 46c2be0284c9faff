import { Pioneer, type PioneerModel } from "pioneer-runtime";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const photo = element<HTMLInputElement>("photo");
const closer = element<HTMLButtonElement>("closer");
const status = element("status");

let file: File | undefined;
let latent: Float32Array | undefined;

function show(id: string, image: ImageData | undefined): void {
  if (!image) return;
  const canvas = element<HTMLCanvasElement>(id);
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

async function reconstruct(model: PioneerModel): Promise<void> {
  file = photo.files?.[0];
  if (!file) return;
  show("original", (await model.prepare(file, { as: "image" }))[0]);
  latent = await model.encode(file);
  show("reconstruction", (await model.decode(latent, { as: "image" }))[0]);
  status.textContent = "Reconstructed.";
}

async function refine(model: PioneerModel): Promise<void> {
  if (!file) return;
  const refined = await model.refine(file, latent, 30, {
    onStep: (step, error) => {
      status.textContent = `Step ${step}: mean error ${(error * 127.5).toFixed(1)} of 255.`;
    },
  });
  latent = refined.latent;
  show("reconstruction", (await model.decode(latent, { as: "image" }))[0]);
}

const tell = (error: unknown) => {
  status.textContent = error instanceof Error ? error.message : String(error);
};

try {
  // The folder public/model, served as it is.
  const model = await Pioneer.load("model", {
    onProgress: ({ stage, loaded, total }) => {
      status.textContent = stage === "read" ? `Loading: ${Math.round((100 * loaded) / total)} %` : "Starting…";
    },
  });
  photo.addEventListener("change", () => void reconstruct(model).catch(tell));
  closer.addEventListener("click", () => void refine(model).catch(tell));
  photo.disabled = closer.disabled = false;
  status.textContent = `Ready, computed by ${model.backend.name}: ${model.backend.reason}.`;
} catch (error) {
  tell(error);
}
