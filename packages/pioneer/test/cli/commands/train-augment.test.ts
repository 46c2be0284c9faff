// `train --augment`, and what is said of few images.
import { join } from "node:path";
import { beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { fingerprint } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { discs, makePack } from "../../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const folder = temporaryFolder();
const train = (...args: string[]) => pioneer(folder, ["train", ...args]);
// 4x4 for 40 images, 8x8 for 80, faded in after 60. Rates that fall at the end would tell where a run was to end.
const options =
  "--recipe cycle --latent 8 --channels 8 --batch 8 --kimg-per-phase 0.04 --resolution 8 --threads 1 --precision fp32 --convolutions direct --lr-decay 0".split(
    " ",
  );
const few = /(\d+) training images are few \(under 2000\): .*; --augment works against that/;

let data: string;
beforeAll(async () => {
  data = (await makePack(folder, 40, 8, discs)).path;
});

test("stopped and resumed it equals the run that never stopped, bit for bit; it is another training than without", async () => {
  expect(await train("--data", data, "--run", "whole", ...options, "--augment")).toMatchObject({ code: 0, stderr: "" });
  const half = await train("--data", data, "--run", "half", ...options, "--augment", "--total-kimg", "0.08");
  expect(half).toMatchObject({ code: 0, stderr: "" });
  expect(half.stdout).not.toMatch(few);
  expect(await train("--run", "half", "--resume", "--total-kimg", "0.12")).toMatchObject({ code: 0, stderr: "" });
  const [whole, resumed] = [fingerprint(join(folder, "whole")), fingerprint(join(folder, "half"))];
  expect({ networks: resumed.networks, training: resumed.training }).toEqual({
    networks: whole.networks,
    training: whole.training,
  });

  const plain = await train("--data", data, "--run", "plain", ...options, "--total-kimg", "0.08");
  expect(plain.code).toBe(0);
  expect(plain.stdout).toMatch(few);
  const told = await train("--run", "plain", "--resume", "--augment", "--total-kimg", "0.12");
  expect(told).toMatchObject({ code: 0, stderr: "" });
  expect(told.stdout).toMatch(/^from here on with --augment true, before false$/m);
  expect(fingerprint(join(folder, "plain")).networks).not.toBe(whole.networks);
});

test("--plan says that images are few", async () => {
  const plain = await train("--data", data, ...options, "--plan");
  expect(plain).toMatchObject({ code: 0, stderr: "" });
  expect(plain.stdout).toMatch(few);
});
