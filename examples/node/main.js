// Reconstructs a photo, morphs it into a random image, and writes both as PNG files.
// usage: node main.js MODEL_FOLDER PHOTO
import { readFile, writeFile } from "node:fs/promises";
import { latentStrip, ModelError, Pioneer } from "pioneer-runtime";

const [folder, photo] = process.argv.slice(2);
if (!folder || !photo) {
  console.error("usage: node main.js MODEL_FOLDER PHOTO");
  process.exit(2);
}

try {
  const model = await Pioneer.load(folder);
  console.log(
    `${model.resolution}x${model.resolution}, ${model.latent} dimensions, computed by ${model.backend.reason}`,
  );

  const file = await readFile(photo);
  const [reconstruction] = await model.reconstruct(file, { as: "png" });
  await writeFile("reconstruction.png", reconstruction);

  const from = await model.encode(file);
  const { latents: to } = await model.sample(1, 7);
  const frames = await model.decode(latentStrip(from, to, 8), { as: "png" });
  await Promise.all(frames.map((frame, i) => writeFile(`morph-${i + 1}.png`, frame)));

  console.log("wrote reconstruction.png and morph-1.png to morph-8.png");
  await model.dispose();
} catch (error) {
  // A photo that is not there, or what is wrong with the model.
  if (!(error instanceof ModelError) && !("syscall" in error)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
