import { type Direction, type FacePoints, Pioneer, type PioneerModel, Scheduler } from "pioneer-runtime";
import { firstGuess, showPlacing } from "./placing.ts";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const photoInput = element<HTMLInputElement>("photo");
const buttons = ["reset", "closer", "save"].map((id) => element<HTMLButtonElement>(id));
const status = element("status");

/** What is edited: a photo as the model sees it, or a face that it made up; and where that lies on the sphere. */
interface Subject {
  readonly picture: ImageData;
  readonly latent: Float32Array;
  readonly isPhoto: boolean;
}

let subject: Subject | undefined;
/** Only the newest refinement goes on. */
let refining = new AbortController();
const scheduler = new Scheduler();

/** Photos are made this small first: the model sees far less. */
const longestSide = 1024;

async function pixelsOf(file: File): Promise<ImageData> {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (!context) throw new Error("this browser gives no 2D canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height);
}

function show(id: string, image: ImageData): void {
  const canvas = element<HTMLCanvasElement>(id);
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

async function choose(model: PioneerModel, file: File | undefined): Promise<void> {
  if (!file) return;
  const photo = await pixelsOf(file);
  element("placing").hidden = model.align === null;
  if (!model.align) return look(model, photo);
  const guess = firstGuess(photo, model.align);
  showPlacing(element("place"), photo, guess, (face) => void look(model, photo, face).catch(tell));
  return look(model, photo, guess);
}

/** Encodes the photo as it is placed now. */
async function look(model: PioneerModel, photo: ImageData, face?: FacePoints): Promise<void> {
  refining.abort();
  const found = await scheduler.newest("photo", async () => {
    const [picture] = await model.prepare(face ? { photo, face } : photo);
    return picture && { picture, latent: await model.encode(picture), isPhoto: true };
  });
  if (found) await edit(model, found);
}

/** Begins to edit something else. */
async function edit(model: PioneerModel, next: Subject): Promise<void> {
  subject = next;
  const { picture, isPhoto } = next;
  show("before", picture);
  const size = `${picture.width} × ${picture.height}`;
  element("before-caption").textContent = isPhoto
    ? `Before: as the model sees it, ${size}`
    : `Made up by the model, ${size}`;
  for (const button of buttons) button.disabled = button.id === "closer" && !isPhoto;
  await draw(model);
}

const sliders = () => [...element("sliders").querySelectorAll("input")];

function strengthsNow(): Record<string, number> {
  const moved = sliders().filter((input) => input.valueAsNumber !== 0);
  return Object.fromEntries(moved.map((input) => [input.name, input.valueAsNumber]));
}

const edited = (model: PioneerModel, { latent }: Subject) =>
  model.directions.length > 0 ? model.edit(latent, strengthsNow()) : latent;

/** Draws what the sliders say. The newest wins, and the one that runs ends: the picture follows on a slow machine too. */
async function draw(model: PioneerModel): Promise<void> {
  if (!subject) return;
  const strengths = strengthsNow();
  const latents = edited(model, subject);
  const images = await scheduler.newest("picture", () => model.decode(latents));
  if (!images?.[0]) return;
  show("after", images[0]);
  const words = Object.entries(strengths).map(([name, value]) => `${name} ${value > 0 ? "+" : "−"}${Math.abs(value)}`);
  element("after-caption").textContent = `After: ${words.join(", ") || "as the model knows it"}`;
}

/** How far a direction is to be trusted. */
function scoreOf({ score }: Direction): string {
  if (!score) return "";
  const percent = `${Math.round(100 * score.value)} %`;
  if (score.kind === "r2") return `explains ${percent} of how photos differ in it`;
  const right = `right for ${percent} of photos it had not seen`;
  return score.value < 0.6 ? `hardly learned: ${right}, and a guess is for 50 %` : right;
}

function addSlider(model: PioneerModel, direction: Direction): void {
  const label = document.createElement("label");
  label.className = "slider";
  const value = document.createElement("output");
  const input = document.createElement("input");
  const { name, reach } = direction;
  Object.assign(input, { name, type: "range", min: -reach, max: reach, step: 0.1, value: 0 });
  const score = document.createElement("span");
  score.className = "score";
  score.textContent = scoreOf(direction);
  input.addEventListener("input", () => {
    value.textContent = input.value;
    void draw(model).catch(tell);
  });
  label.append(name, value, input, score);
  element("sliders").append(label);
}

async function closer(model: PioneerModel): Promise<void> {
  if (!subject) return;
  refining.abort();
  refining = new AbortController();
  const now = subject;
  const { latent } = await model.refine(now.picture, {
    from: now.latent,
    signal: refining.signal,
    onStep: (step, error) => {
      status.textContent = `Step ${step}: ${(error * 127.5).toFixed(1)} of 255 off on average.`;
    },
  });
  if (subject === now) await edit(model, { ...now, latent });
}

async function save(model: PioneerModel): Promise<void> {
  if (!subject) return;
  const [file] = await model.decode(edited(model, subject), { as: "blob" });
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = "edited.png";
  link.click();
  URL.revokeObjectURL(link.href);
}

const tell = (error: unknown) => {
  if (error instanceof DOMException && error.name === "AbortError") return;
  status.textContent = error instanceof Error ? error.message : String(error);
};

function listen(model: PioneerModel): void {
  const drop = element("drop");
  photoInput.addEventListener("change", () => void choose(model, photoInput.files?.[0]).catch(tell));
  for (const type of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", type === "dragover");
    });
  }
  drop.addEventListener("drop", ({ dataTransfer }) => void choose(model, dataTransfer?.files[0]).catch(tell));
  element<HTMLInputElement>("divider").addEventListener("input", ({ currentTarget }) => {
    const { value } = currentTarget as HTMLInputElement;
    element("compare").style.setProperty("--at", `${value}%`);
  });
  element("reset").addEventListener("click", () => {
    for (const input of sliders()) {
      input.value = "0";
      input.dispatchEvent(new Event("input"));
    }
  });
  element("closer").addEventListener("click", () => void closer(model).catch(tell));
  element("save").addEventListener("click", () => void save(model).catch(tell));
}

try {
  // The folder public/model, served as it is. In a worker it computes beside the page, which stays smooth.
  const model = await Pioneer.load("model", {
    worker: true,
    onProgress: ({ stage, loaded, total }) => {
      status.textContent = stage === "read" ? `Loading: ${Math.round((100 * loaded) / total)} %` : "Starting…";
    },
  });
  for (const direction of model.directions) addSlider(model, direction);
  listen(model);
  const { latents, images } = await model.sample(1, 7);
  if (images[0]) await edit(model, { picture: images[0], latent: latents, isPhoto: false });
  photoInput.disabled = false;
  status.textContent = `Ready, computed by ${model.backend.name}: ${model.backend.reason}.`;
} catch (error) {
  tell(error);
}
