// Makes fixtures/model-tiny, a small trained model for tests: half a minute of training on drawn faces, then `pioneer export`.
// The same bytes on every machine with the same libtorch and processor family. usage: npm run -s fixtures:model (after npm run build)
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openModel } from "pioneer-networks/torch";
import { sampleLatents } from "pioneer-runtime";

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const work = mkdtempSync(join(tmpdir(), "pioneer-model-tiny-"));
const run = join(work, "run");
const pack = "faces.pack";

function pioneer(...args) {
  const { status } = spawnSync(process.execPath, [path("packages/pioneer/bin/pioneer.js"), ...args], {
    cwd: work,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error(`pioneer ${args.join(" ")} ended with ${status}`);
}

try {
  const size = ["--resolution", "16", "--latent", "16", "--channels", "16"];
  const exact = ["--seed", "0", "--threads", "1", "--precision", "fp32", "--device", "cpu"];
  pioneer("dataset", "prepare", "procedural:faces", pack, "--resolution", "16", "--count", "2000", "--seed", "0");
  pioneer("train", "--data", pack, "--run", run, ...size, ...exact, "--kimg-per-phase", "8", "--batch", "16");
  pioneer("export", "--run", run, "--out", path("fixtures/model-tiny"), "--dtype", "fp32", "--force", "--threads", "1");

  // What libtorch makes of three latents, and of those images.
  const model = await openModel(run, { device: "cpu", threads: 1 });
  const latents = sampleLatents(3, model.latent, 1);
  const images = await model.decode(latents, 3);
  const codes = await model.encode(images, 3);
  model.dispose();
  const rounded = (values) => Array.from(values, (value) => Number(value.toFixed(6)));
  const about =
    "What libtorch makes of three latents, and of those images, by the run of model-tiny (npm run fixtures:model).";
  const expected = { about, latents: rounded(latents), images: rounded(images), codes: rounded(codes) };
  writeFileSync(path("fixtures/model-tiny.expected.json"), `${JSON.stringify(expected)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
