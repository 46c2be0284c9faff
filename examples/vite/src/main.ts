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

/** Only the newest action goes on: another one ends that before. */
let action = new AbortController();
function newAction(): AbortSignal {
  action.abort();
  action = new AbortController();
  return action.signal;
}

async function reconstruct(model: PioneerModel): Promise<void> {
  const chosen = photo.files?.[0];
  if (!chosen) return;
  const signal = newAction();
  show("original", (await model.prepare(chosen, { as: "image", signal }))[0]);
  const code = await model.encode(chosen, { signal });
  [file, latent] = [chosen, code];
  show("reconstruction", (await model.decode(code, { as: "image", signal }))[0]);
  status.textContent = "Reconstructed.";
}

async function refine(model: PioneerModel): Promise<void> {
  if (!file || !latent) return;
  const signal = newAction();
  const refined = await model.refine(file, {
    from: latent,
    signal,
    onStep: (step, error) => {
      status.textContent = `Step ${step}: mean error ${(error * 127.5).toFixed(1)} of 255.`;
    },
  });
  latent = refined.latent;
  show("reconstruction", (await model.decode(latent, { as: "image", signal }))[0]);
}

const tell = (error: unknown) => {
  if (error instanceof DOMException && error.name === "AbortError") return;
  status.textContent = error instanceof Error ? error.message : String(error);
};

try {
  // The folder public/model, served as it is.
  const model = await Pioneer.load("model", {
    // Decoding a photo and computing never block the page.
    worker: true,
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
