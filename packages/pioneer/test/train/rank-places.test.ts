import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { rankPlaces } from "../../src/train/rank-places.ts";
import { runTraining } from "../../src/train/run.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: "CONFIG", exitCode: 2, message: expect.stringMatching(message) });

test.each([
  [{ WORLD_SIZE: "2" }, /^WORLD_SIZE in the environment says that several processes train, but RANK is not set: .*$/],
  [
    { RANK: "1" },
    /^RANK=1 in the environment says that this is one of several processes, but WORLD_SIZE is not set: .*$/,
  ],
  [{ WORLD_SIZE: "2", RANK: "2" }, /^RANK=2 in the environment must be a whole number from 0 to 1$/],
  [{ WORLD_SIZE: "2", RANK: "0" }, /^WORLD_SIZE in .* but MASTER_ADDR is not set: .*$/],
  [{ WORLD_SIZE: "2", RANK: "0", MASTER_ADDR: "a" }, /^WORLD_SIZE in .* but MASTER_PORT is not set: .*$/],
  [{ WORLD_SIZE: "two" }, /^WORLD_SIZE=two in the environment must be a whole number of at least 1$/],
])("%o is refused", (env, message) => {
  expect(() => rankPlaces({ nproc: 1 }, env)).toThrow(refusal(message));
});

test("where several machines may train, photos are to be packed first", async () => {
  const place = { WORLD_SIZE: "2", RANK: "0", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "1" };
  for (const [name, value] of Object.entries(place)) vi.stubEnv(name, value);
  const photos = temporaryFolder();
  const config = resolveTrainConfig({ data: photos, run: join(photos, "run") });
  await expect(runTraining(config, () => undefined)).rejects.toThrow(
    refusal(/^--data .* is no pack: .*`pioneer dataset prepare .* data\.pack`.*$/),
  );
});

test("what is refused before it begins leaves nothing where ranks would have met", async () => {
  const folder = temporaryFolder();
  const [run, meetings] = [join(folder, "model"), join(folder, "tmp")];
  for (const each of [run, meetings]) mkdirSync(each);
  writeFileSync(join(run, "config.json"), "{}");
  vi.stubEnv("TMPDIR", meetings);
  const config = resolveTrainConfig({ data: "photos", run, nproc: 2 });
  await expect(runTraining(config, () => undefined)).rejects.toMatchObject({ code: "RUN" });
  expect(readdirSync(meetings)).toEqual([]);
});
