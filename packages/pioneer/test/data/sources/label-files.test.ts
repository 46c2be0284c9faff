// Labels in the forms that people have them.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { prepareDataset } from "../../../src/data/prepare.ts";
import { openSource } from "../../../src/data/sources/open.ts";
import { entriesOf, type Files, png, writeFiles, writeTar, writeZip } from "../support.ts";

const folder = temporaryFolder();
let image: Buffer;
beforeAll(async () => {
  image = await png(8, 8, [10, 20, 30]);
});

async function seen(path: string, labels?: string) {
  const source = await openSource(path, 8, { labels });
  await source.close();
  return { entries: entriesOf(source), notes: source.notes };
}

/** The same files as a folder, a compressed tar and a zip. */
const everywhere = async (name: string, files: Files) => [
  writeFiles(join(folder, name), files),
  await writeTar(join(folder, `${name}.tar.gz`), files),
  writeZip(join(folder, `${name}.zip`), files),
];

describe("StyleGAN's dataset.json", () => {
  const shards = { "00000/img00000000.png": "", "00000/img00000001.png": "", "00001/img00001000.png": "" };
  const withImages = (json: unknown): Files => ({
    ...Object.fromEntries(Object.keys(shards).map((name) => [name, image])),
    "dataset.json": JSON.stringify(json),
  });

  test("gives classes; folders of a thousand images are none", async () => {
    const labels = [
      ["00000/img00000000.png", 6],
      ["00001/img00001000.png", 2],
    ];
    for (const path of await everywhere("stylegan", withImages({ labels }))) {
      const { entries, notes } = await seen(path);
      expect(entries).toEqual([
        { name: "00000/img00000000.png", labels: { class: "6" } },
        { name: "00000/img00000001.png", labels: {} },
        { name: "00001/img00001000.png", labels: { class: "2" } },
      ]);
      expect(notes).toEqual([expect.stringMatching(/dataset\.json: 1 of 3 images have no row$/)]);
    }
  });

  test("without labels, and with lists of numbers", async () => {
    const without = writeFiles(join(folder, "null"), withImages({ labels: null }));
    expect((await seen(without)).entries.map(({ labels }) => labels)).toEqual([{}, {}, {}]);
    const vector = writeFiles(join(folder, "vector"), withImages({ labels: [["00000/img00000001.png", [0.5, 1]]] }));
    expect((await seen(vector)).entries[1]?.labels).toEqual({ label1: "0.5", label2: "1" });
  });

  test("of another make is refused with the entry", async () => {
    const path = writeFiles(join(folder, "other"), withImages({ labels: [["a.png"]] }));
    await expect(seen(path)).rejects.toThrow('dataset.json: entry 0 of "labels" is ["a.png"], expected [FILE, NUMBER]');
  });

  test("that is no JSON, or nested without end, is refused in one line", async () => {
    const path = writeFiles(join(folder, "damaged"), withImages({}));
    const refusal = async (json: string) => {
      writeFileSync(join(path, "dataset.json"), json);
      return await seen(path).catch((error: Error) => error.message.replace(path, ""));
    };
    expect(await refusal('{"labels":\n\nx}')).toMatch(/^\/dataset\.json: not JSON \(.*\); mend or remove it$/);
    const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    expect(await refusal(`{"labels": [${nested}]}`)).toBe(
      "/dataset.json: not JSON (nested deeper than 100 times); mend or remove it",
    );
  });
});

describe("Hugging Face's imagefolder", () => {
  test("metadata.csv in the folder of each split, the file's column anywhere", async () => {
    const files = {
      "train/a.png": image,
      "train/metadata.csv": "smile,file_name\n0.25,a.png\n",
      "test/b.png": image,
      "test/metadata.csv": "file_name,age\nb.png,9\n",
    };
    for (const path of await everywhere("imagefolder", files)) {
      expect((await seen(path)).entries.sort((a, b) => (a.name < b.name ? 1 : -1))).toEqual([
        { name: "train/a.png", split: "train", labels: { smile: "0.25", age: "" } },
        { name: "test/b.png", split: "test", labels: { smile: "", age: "9" } },
      ]);
    }
  });

  test("metadata.jsonl, without what is no plain value", async () => {
    const jsonl =
      '{"file_name": "a.png", "age": 3, "objects": {"bbox": [1]}}\n\n{"file_name": "b.png", "text": "two"}\n';
    const path = writeFiles(join(folder, "jsonl"), { "a.png": image, "b.png": image, "metadata.jsonl": jsonl });
    expect((await seen(path)).entries.map(({ labels }) => labels)).toEqual([
      { age: "3", text: "" },
      { age: "", text: "two" },
    ]);
    writeFileSync(join(path, "metadata.jsonl"), '{"file": "a.png"}');
    await expect(seen(path)).rejects.toThrow("metadata.jsonl: line 1 has no file_name");
  });
});

describe("odd forms of a CSV", () => {
  const labelled = async (csv: string | Buffer, name = "labels.csv") => {
    const path = join(folder, `csv ${Math.random()}`);
    mkdirSync(path);
    return await seen(writeFiles(path, { "a.png": image, "b.png": image, [name]: csv }));
  };
  const aged = [{ age: "3" }, { age: "5" }];
  const labelsOf = async (...csv: Parameters<typeof labelled>) =>
    (await labelled(...csv)).entries.map(({ labels }) => labels);

  test("any capitals in its name, UTF-8 with a mark, UTF-16 of both orders", async () => {
    const text = "file,age\na.png,3\nb.png,5\n";
    expect(await labelsOf(text, "Labels.CSV")).toEqual(aged);
    expect(await labelsOf(`\uFEFF${text}`)).toEqual(aged);
    const little = Buffer.from(`\uFEFF${text}`, "utf16le");
    expect(await labelsOf(little)).toEqual(aged);
    expect(await labelsOf(Buffer.from(little).swap16())).toEqual(aged);
  });

  test("without a line that names the columns", async () => {
    expect(await labelsOf("a.png,3\nb.png,5\n")).toEqual([{ label: "3" }, { label: "5" }]);
    expect(await labelsOf("b.png 5 x\na.png 3 y\n".replaceAll(" ", ","))).toEqual([
      { label1: "3", label2: "y" },
      { label1: "5", label2: "x" },
    ]);
  });

  test("of another name, --labels is named", async () => {
    expect((await labelled("file,age\na.png,3\n", "ages.csv")).notes).toEqual([
      "ignored: 1 file (.csv 1), not images; labels in a CSV are given with --labels",
    ]);
  });

  test("NA, nan and ? beside numbers are none; beside names they are names", async () => {
    const photos = Object.fromEntries(["a", "b", "c", "d"].map((name) => [`${name}.png`, image]));
    const csv = "file,age,mood,nothing\na.png,NA,NA,nan\nb.png,3.5,calm,NA\nc.png,nan,?,\nd.png,?,calm,?\n";
    const source = writeFiles(join(folder, "missing"), { ...photos, "labels.csv": csv });
    const { pack } = await prepareDataset({ source, out: join(folder, "missing.pack"), resolution: 8 });
    const [age, mood, nothing] = pack.labels;
    expect(age).toMatchObject({
      name: "age",
      kind: "number",
      values: Float64Array.of(Number.NaN, 3.5, Number.NaN, Number.NaN),
    });
    expect(mood).toMatchObject({ name: "mood", kind: "category", categories: ["?", "NA", "calm"] });
    expect(nothing).toMatchObject({ name: "nothing", kind: "category" });
  });
});

test("CelebA as Kaggle has it: lists as CSV, folders in folders", async () => {
  const path = writeFiles(join(folder, "kaggle"), {
    "img_align_celeba/img_align_celeba/000001.jpg": image,
    "img_align_celeba/img_align_celeba/000002.jpg": image,
    "list_attr_celeba.csv": "image_id,Smiling,Male\n000001.jpg,1,-1\n000002.jpg,-1,1\n",
    "list_eval_partition.csv": "image_id,partition\n000001.jpg,0\n000002.jpg,2\n",
    "list_bbox_celeba.csv": "image_id,x_1\n",
  });
  const source = await openSource(path, 8);
  expect([source.kind, source.crop]).toEqual(["celeba", "celeba"]);
  expect(entriesOf(source)).toEqual([
    { name: "000001.jpg", split: "train", labels: { Smiling: 1, Male: -1 } },
    { name: "000002.jpg", split: "test", labels: { Smiling: -1, Male: 1 } },
  ]);
  writeFileSync(join(path, "list_attr_celeba.csv"), "image_id,Smiling,Male\n000001.jpg,1,-1\n000002.jpg,0,1\n");
  await expect(openSource(path, 8)).rejects.toThrow('list_attr_celeba.csv: line 3: Smiling is "0", expected 1 or -1');
});
