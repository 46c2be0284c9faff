// Git LFS leaves a few lines in the place of a file that was not fetched: wherever we read one, that is said.
import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { openFile, openFileLater, readText } from "../../src/base/read.ts";
import { verifyCheckpoint } from "../../src/checkpoint/verify.ts";
import { openPack } from "../../src/data/pack/pack.ts";
import { loadPhotos } from "../../src/images/photo.ts";
import { verifyModelFolder } from "../../src/models/model-folder.ts";
import { fixture } from "../support/fixture.ts";

const folder = temporaryFolder();
const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${"4d7a".repeat(16)}\nsize 12345\n`;
const put = (name: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const said = (path: string) =>
  `${path} is a pointer of Git LFS, not the file itself: run \`git lfs pull\` where it was cloned`;

test("as text, pack, photo", async () => {
  const path = put("a.pack");
  expect(() => openFile(path)).toThrow(said(path));
  await expect(openFileLater(path)).rejects.toThrow(said(path));
  await expect(readText(path)).rejects.toThrow(said(path));
  expect(() => openPack(path)).toThrow(said(path));
  const photo = put("a.jpg");
  const shape = { resolution: 8, crop: "center", colour: "rgb", align: null } as const;
  await expect(loadPhotos([photo], shape)).rejects.toThrow(/a\.jpg is a pointer of Git LFS/);
});

test("as a file of a checkpoint, and of a model folder", async () => {
  const state = join(folder, "state.json");
  put("state.json");
  expect(() => verifyCheckpoint(folder)).toThrow(said(state));
  const model = join(folder, "model");
  cpSync(fixture("model-tiny"), model, { recursive: true });
  expect(readdirSync(model)).toContain("generator.onnx");
  writeFileSync(join(model, "generator.onnx"), text);
  await expect(verifyModelFolder(model)).rejects.toThrow(/generator\.onnx is a pointer of Git LFS/);
});

test("a file that speaks of it is a file", async () => {
  const path = join(folder, "notes.txt");
  writeFileSync(path, `about ${text}`);
  expect(await readText(path)).toContain("git-lfs");
});
