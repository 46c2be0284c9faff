import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { writeCheckpoint } from "../../../src/checkpoint/checkpoint.ts";
import { looksOf } from "../../../src/cli/options/picture-options.ts";
import { facts } from "../../checkpoint/support.ts";
import { fixture } from "../../support/fixture.ts";
import { tinyLearner } from "../../support/tiny.ts";

test("a caption says of what run, after how many images, by which command", async () => {
  const run = join(temporaryFolder(), "faces");
  const checkpoint = writeCheckpoint(run, tinyLearner(), facts(120_400));
  expect(await looksOf(run, 32, { command: "reconstruct" })).toEqual({
    scale: 2,
    caption: "faces, 120 kimg; pioneer reconstruct",
  });
  expect((await looksOf(checkpoint, 32, { command: "edit" })).caption).toBe(
    "faces/checkpoint-00000120, 120 kimg; pioneer edit",
  );
});

test("pictures are at least 64 pixels wide, or as large as is said; of a model folder no count is known", async () => {
  const model = fixture("model-tiny");
  expect(await looksOf(model, 16, { command: "sample" })).toEqual({ scale: 4, caption: "model-tiny; pioneer sample" });
  expect((await looksOf(model, 128, { command: "sample" })).scale).toBe(1);
  expect((await looksOf(model, 16, { command: "sample", scale: 1 })).scale).toBe(1);
});
