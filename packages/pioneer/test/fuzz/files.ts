// One whole file of each format that this program reads, with what it stands beside.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { writeCheckpoint } from "../../src/checkpoint/checkpoint.ts";
import { saveConfig } from "../../src/checkpoint/run-folder.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { writeLatents } from "../../src/images/latents-file.ts";
import { facts } from "../checkpoint/support.ts";
import { labelledPhotos, writeFiles, writeTar, writeZip } from "../data/support.ts";
import { fixture } from "../support/fixture.ts";
import { makePack, tinyLearner } from "../support/tiny.ts";

export interface WholeFile {
  /** How it is read: a name of reader.js. */
  readonly kind: string;
  readonly name: string;
  readonly bytes: Buffer;
  /** A folder whose files lie beside it. */
  readonly beside?: string | undefined;
}

/** Forms of labels besides labels.csv. */
const otherLabels = {
  "dataset.json": '{"labels":[["a.png",6]]}',
  "metadata.jsonl": '{"file_name":"a.png","age":3,"text":"two"}\n',
};

/** Makes them in a folder. */
export async function wholeFiles(folder: string): Promise<WholeFile[]> {
  const photo = readFileSync(fixture("imagefolder/faces/color/a.jpg"));
  const files: WholeFile[] = [];
  const add = (kind: string, name: string, bytes: Buffer, beside?: string) => files.push({ kind, name, bytes, beside });
  const addFixture = (kind: string, path: string, name: string) => add(kind, name, readFileSync(fixture(path)));

  await addPhotos(photo, add);
  add("pack", "a.pack", readFileSync((await makePack(folder, 12, 8, (i, x, y) => [i, x, y])).path));
  const photos = {
    "a/1.png": await small(photo),
    "b/2.png": await small(photo),
    "labels.csv": "file,split,size\na/1.png,test,1\nb/2.png,train,2\n",
  };
  add("source", "a.zip", readFileSync(writeZip(join(folder, "a.zip"), photos)));
  const tar = readFileSync(await writeTar(join(folder, "a.tar"), photos));
  add("source", "a.tar", tar);
  add("source", "a.tar.gz", gzipSync(tar));
  addFixture("source", "datasets/celebahq.h5", "celebahq.h5");
  const labelled = await labelledPhotos(join(folder, "labelled"));
  add("folder", "labels.csv", readFileSync(join(labelled, "labels.csv")), labelled);
  for (const [name, text] of Object.entries(otherLabels)) {
    const beside = join(folder, `with ${name}`);
    writeFiles(beside, { "a.png": photos["a/1.png"], [name]: text });
    add("folder", name, Buffer.from(text), beside);
  }
  const lmdb = fixture("datasets/lsun_lmdb");
  add("folder", "data.mdb", readFileSync(join(lmdb, "data.mdb")), lmdb);
  add(
    "faces",
    "faces.csv",
    Buffer.from(
      "file,eye_left_x,eye_left_y,eye_right_x,eye_right_y,mouth_x,mouth_y\na.jpg,1,2,3,4,5,6\nb.jpg,1,2,3,4,5,6\n",
    ),
  );

  for (const name of [
    "balanced_state",
    "variant_torch031_state",
    "variant_torch04_state",
    "balanced_SNU",
    "smile_delta",
  ]) {
    addFixture("authors", `checkpoints/${name}`, name);
  }
  addFixture("graph", "model-tiny/generator.onnx", "generator.onnx");
  addFixture("graph", "lpips/lpips.onnx", "lpips.onnx");
  for (const name of ["config.json", "directions.json"]) {
    add("model", name, readFileSync(fixture(`model-tiny/${name}`)), fixture("model-tiny"));
  }
  addRun(join(folder, "run"), add);
  for (const name of ["codes.npy", "codes.safetensors"]) {
    await writeLatents(join(folder, name), { latents: Float32Array.of(1, 0, 0, 1), names: ["a.jpg", "b.jpg"] });
    add("latents", name, readFileSync(join(folder, name)));
  }
  add(
    "schedule",
    "schedule.json",
    Buffer.from('{"entries":[{"images":0,"phase":0},{"images":2400,"phase":1}],"totalImages":7200}'),
  );
  return files;
}

type Add = (kind: string, name: string, bytes: Buffer, beside?: string) => void;

const small = (photo: Buffer) => sharp(photo).resize(8, 8).png().toBuffer();

async function addPhotos(photo: Buffer, add: Add): Promise<void> {
  const image = () => sharp(photo).resize(24, 24);
  add("photo", "a.jpg", await image().jpeg().toBuffer());
  add("photo", "progressive.jpg", await image().jpeg({ progressive: true }).toBuffer());
  add("photo", "a.png", await image().png().toBuffer());
  add("photo", "a.webp", await image().webp().toBuffer());
  add("photo", "a.gif", await image().gif().toBuffer());
  add("photo", "a.tif", await image().tiff().toBuffer());
  add("photo", "a.avif", await image().avif({ effort: 0 }).toBuffer());
}

function addRun(run: string, add: Add): void {
  mkdirSync(run);
  saveConfig(resolveTrainConfig({ data: "photos.pack", run, resolution: 8 }));
  const checkpoint = writeCheckpoint(run, tinyLearner(), facts());
  writeFileSync(join(run, "stats.jsonl"), '{"images":8,"phase":0,"losses":{"klReal":1}}\n');
  writeFileSync(join(run, "metrics.jsonl"), '{"images":8,"version":"1","resolution":4,"metrics":{"l1_test":0.5}}\n');
  const copy = `${run} whole`;
  cpSync(run, copy, { recursive: true });
  for (const name of ["state.json", "networks.safetensors"]) {
    add("checkpoint", name, readFileSync(join(checkpoint, name)), checkpoint);
  }
  add("safetensors", "networks.safetensors", readFileSync(join(checkpoint, "networks.safetensors")));
  add("run", "config.json", readFileSync(join(run, "config.json")), copy);
  for (const name of ["stats.jsonl", "metrics.jsonl"]) add("lines", name, readFileSync(join(run, name)), copy);
}
