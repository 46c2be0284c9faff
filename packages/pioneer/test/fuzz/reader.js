// Reads one damaged file after another, in a process that may crash. The built files: a process cannot be started on TypeScript.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Pioneer } from "pioneer-runtime";
import { graphProblem } from "pioneer-runtime/internal";
import { readSafetensors } from "pioneer-torch";
import { mostPhotoBytes, readTextSync, readWhole } from "../../dist/base/read.js";
import { readModelNetworks } from "../../dist/checkpoint/checkpoint.js";
import { readRunConfig } from "../../dist/checkpoint/run-folder.js";
import { describeRunFolder } from "../../dist/cli/output/describe-run.js";
import { parseScheduleFile } from "../../dist/config/schedule-file.js";
import { FacePointsTable } from "../../dist/data/face-points.js";
import { openPack, verifyPack } from "../../dist/data/pack/pack.js";
import { decodeSquare } from "../../dist/data/pixels/decode.js";
import { prepareDataset } from "../../dist/data/prepare.js";
import { readLatents } from "../../dist/images/latents-file.js";
import { openAuthorsFiles } from "../../dist/import/authors-files.js";
import { verifyModelFolder } from "../../dist/models/model-folder.js";
import { readOnnxMetadata } from "../../dist/onnx/metadata.js";
import { readGraph, UnsupportedError } from "../../dist/onnx-torch/graph-file.js";

const prepare = (source, out) => prepareDataset({ source, out, resolution: 4 });

/** By kind; each is given the damaged file, and where it may write. */
const readers = {
  async pack(path) {
    const pack = openPack(path);
    pack.readImages([0, pack.count - 1]);
    for (const name of pack.names) if (name === "") break;
    await verifyPack(path);
  },
  async safetensors(path) {
    for (const tensor of readSafetensors(path).tensors.values()) tensor.dispose();
  },
  async checkpoint(path) {
    const { encoder, generator } = readModelNetworks(dirname(path));
    encoder.dispose();
    generator.dispose();
  },
  run: async (path) => void readRunConfig(dirname(path)),
  lines: (path) => describeRunFolder(dirname(path), false),
  async authors(path) {
    (await openAuthorsFiles([path])).close();
  },
  async model(path) {
    const folder = dirname(path);
    await verifyModelFolder(folder);
    await (await Pioneer.load(folder, { parts: ["directions"] })).dispose();
  },
  async graph(path) {
    graphProblem(readFileSync(path));
    readOnnxMetadata(path);
    try {
      readGraph(path);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
    }
  },
  photo: async (path) => decodeSquare(await readWhole(path, mostPhotoBytes), 16, "center"),
  schedule: async (path) => void parseScheduleFile(readTextSync(path), path),
  latents: (path) => readLatents(path, 2),
  faces: (path) => FacePointsTable.read(path),
  source: prepare,
  /** A file of a folder that is the source. */
  folder: (path, out) => prepare(dirname(path), out),
};

process.on("message", async ({ kind, path, out }) => {
  const before = process.cpuUsage();
  const error = await readers[kind](path, out).then(
    () => undefined,
    (thrown) => describe(thrown),
  );
  const { user, system } = process.cpuUsage(before);
  process.send({ error, seconds: (user + system) / 1e6, peak: 1024 * process.resourceUsage().maxRSS });
});

/** What the command line would make of it: an error of ours has a code and one line. */
function describe(thrown) {
  const { code, message = "", stack = "" } = Object(thrown);
  const isOurs = typeof code === "string" && !("syscall" in thrown);
  const isLine = message !== "" && !message.includes("\n") && message.length < 1000;
  return isOurs && isLine ? { expected: true } : { expected: false, text: `${code}: ${message}\n${stack}` };
}

process.on("disconnect", () => process.exit(0));
process.send({ ready: join(process.cwd(), "") });
