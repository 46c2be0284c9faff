// --from: a new run that begins with the networks of a run, a checkpoint or a model folder.
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors } from "pioneer-torch";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { temporaryFolder } from "../../../../torch/test/support/folder.ts";
import { readState } from "../../../src/checkpoint/state.ts";
import { modelCard } from "../../../src/export/model-card.ts";
import { checkpoints, fingerprint, Pioneer } from "../../support/cli.ts";
import { pioneer } from "../../support/in-process.ts";
import { type Drawing, discs, makePack } from "../../support/tiny.ts";

// Each test starts some processes, perhaps beside other tests.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const folder = temporaryFolder();
const at = (...parts: string[]) => join(folder, ...parts);
const others: Drawing = (index, x, y) => discs(index + 7, y, x);
const grey: Drawing = (index, x, y) => {
  const value = (index * 31 + x * 3 + y) % 256;
  return [value, value, value];
};

const networks = "--latent 16 --channels 16 --channel-profile 64 --recipe cycle --resolution 8".split(" ");
/** Five steps a phase. */
const short = "--batch 16 --kimg-per-phase 0.08 --threads 1 --precision fp32 --seed 4 --keep 0".split(" ");
let data: string;
let small: string;
let greys: string;
const newest = (run: string) => join(run, checkpoints(at(run)).at(-1) ?? "");
const start = (run: string, from: string, ...options: string[]) => [
  "train",
  "--from",
  from,
  "--data",
  data,
  "--run",
  run,
  ...short,
  ...options,
];

async function done(args: string[]): Promise<string> {
  const { code, stdout, stderr } = await pioneer(folder, args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

// The source: 4x4, then 8x8 of other pictures, 240 images in all.
beforeAll(async () => {
  const first = await makePack(folder, 40, 16, discs);
  data = (await makePack(folder, 48, 16, others)).path;
  small = (await makePack(folder, 32, 4, others)).path;
  greys = (await makePack(folder, 24, 16, grey)).path;
  await done(["train", "--data", first.path, "--run", "old", ...networks, ...short]);
  await done(["export", "--run", "old", "--out", "model", "--weights", "--threads", "1"]);
});

test("begins with the networks as they are, everything else fresh, and says what it takes over", async () => {
  const path = newest("old");
  const told = await done(start("new", "old"));
  expect(told).toContain(`\nfrom ${path}, 0.24 kimg, 8x8: generator, encoder, averages; optimisers start fresh\n`);
  const [begun, ended] = [at("new", "checkpoint-00000000"), at(newest("new"))];
  const bytes = (checkpoint: string) => readFileSync(join(checkpoint, "networks.safetensors"));
  expect(bytes(begun).equals(bytes(at(path)))).toBe(true);
  expect(bytes(ended).equals(bytes(begun))).toBe(false);

  const from = { path, images: 240, resolution: 8 };
  const state = readState(begun);
  expect(state).toMatchObject({ images: 0, steps: 0, phase: 1, alpha: 1, poolImages: 0, elapsedSeconds: 0, from });
  expect(state).toMatchObject({ latent: 16, channels: 16, networks: { channelBase: 64 }, recipe: "cycle" });
  expect(state.adamSteps).toEqual({ generator: {}, encoder: {} });
  // A single phase, which is the last, lasts twice its length.
  expect(state.schedule).toEqual({ phases: [{ phase: 1, startImages: 0, fadeImages: 0 }], totalImages: 160 });
  expect(readState(ended)).toMatchObject({ images: 160, phase: 1, alpha: 1, from });

  expect(JSON.parse(readFileSync(at("new", "config.json"), "utf8"))).toMatchObject({
    from: "old",
    latent: 16,
    channels: 16,
    channelProfile: 64,
    recipe: "cycle",
    resolution: 8,
    colour: "rgb",
  });
  expect(await done(["info", "new"])).toContain(`began        from ${path}, 0.24 kimg, 8x8\n`);
  const facts = { name: "tuned", state: readState(ended), dtype: "fp32", files: {}, quality: "", metrics: [] } as const;
  const sentence = (where: string) => `began with the networks of \`${where}\` (0.24 thousand images, 8×8)`;
  expect(modelCard(facts)).toContain(sentence(path));
  const elsewhere = { ...facts.state, from: { ...from, path: "/home/me/models/faces" } };
  expect(modelCard({ ...facts, state: elsewhere })).toContain(sentence("faces"));
});

test("a checkpoint and a model folder with its weights begin the same run as the run", async () => {
  await done(start("from-run", "old"));
  await done(start("from-checkpoint", newest("old")));
  await done(start("from-model", "model"));
  const tensors = (run: string) => {
    const { networks: ofNetworks, training } = fingerprint(at(run));
    return { ofNetworks, training };
  };
  expect(tensors("from-checkpoint")).toEqual(tensors("from-run"));
  expect(tensors("from-model")).toEqual(tensors("from-run"));
});

test("a model folder in half precision begins a run whose averages are its networks", async () => {
  await done(["export", "--run", "old", "--out", "half", "--weights", "--dtype", "fp16", "--threads", "1"]);
  await done(start("from-half", "half"));
  const { tensors: begun } = readSafetensors(at("from-half", "checkpoint-00000000", "networks.safetensors"));
  const { tensors: stored } = readSafetensors(at("half", "model.safetensors"));
  expect(stored.size).toBeGreaterThan(0);
  for (const [name, value] of stored) {
    const average = name.replace(".", "_ema.");
    for (const own of [begun.get(name), begun.get(average)])
      expect([...(own?.toFloat32Array() ?? [])]).toEqual([...value.toFloat32Array()]);
  }
  for (const value of [...begun.values(), ...stored.values()]) value.dispose();
});

test("grows to a higher resolution, and a run that was stopped goes on exactly, without its source", async () => {
  cpSync(at("old"), at("source"), { recursive: true });
  const grow = ["--resolution", "16", "--recipe", "accv2018", "--checkpoint-kimg", "0.03"];
  const told = await done(start("never", "source", ...grow));
  expect(told).toContain("; optimisers start fresh; grows to 16x16\n");
  expect(readState(at(newest("never")))).toMatchObject({
    phase: 2,
    alpha: 1,
    recipe: "accv2018",
    images: 240,
    schedule: {
      phases: [
        { phase: 1, startImages: 0, fadeImages: 0 },
        { phase: 2, startImages: 80, fadeImages: 40 },
      ],
      totalImages: 240,
    },
  });
  // accv2018 keeps no average of the encoder.
  const { tensors } = readSafetensors(at(newest("never"), "networks.safetensors"));
  expect([...tensors.keys()].filter((name) => name.startsWith("encoder_ema."))).toEqual([]);

  const first = new Pioneer(folder, start("stopped", "source", ...grow));
  expect(await first.says(/^wrote .*checkpoint/, 3)).toBe(true);
  first.child.kill("SIGINT");
  expect(await first.end).toMatchObject({ code: 130, stderr: "" });
  rmSync(at("source"), { recursive: true });
  await done(["train", "--run", "stopped", "--resume"]);
  expect(fingerprint(at("stopped"))).toEqual(fingerprint(at("never")));
});

test("--plan shows the schedule of such a run and writes nothing", async () => {
  const told = await pioneer(folder, [...start("planned", "old", "--resolution", "16", "--plan"), "--json"]);
  const plan = JSON.parse(told.stdout) as { phases: { phase: number; fadeImages: number }[]; totalImages: number };
  expect(plan.totalImages).toBe(240);
  expect(plan.phases.map(({ phase, fadeImages }) => [phase, fadeImages])).toEqual([
    [1, 0],
    [2, 40],
  ]);
  expect(existsSync(at("planned"))).toBe(false);
});

describe("what does not fit is refused in one line, and leaves nothing", () => {
  beforeAll(() => {
    cpSync(at(newest("old")), at("damaged"), { recursive: true });
    truncateSync(at("damaged", "networks.safetensors"), 2000);
    cpSync(at("model"), at("cut"), { recursive: true });
    truncateSync(at("cut", "model.safetensors"), 5);
    cpSync(at("model"), at("changed"), { recursive: true });
    const weights = readFileSync(at("changed", "model.safetensors"));
    weights.writeUInt8((weights.at(-1) as number) ^ 1, weights.length - 1);
    writeFileSync(at("changed", "model.safetensors"), weights);
    // As it is exported without --weights.
    cpSync(at("model"), at("without"), { recursive: true });
    rmSync(at("without", "model.safetensors"));
    const config = JSON.parse(readFileSync(at("without", "config.json"), "utf8"));
    delete config.files["model.safetensors"];
    writeFileSync(at("without", "config.json"), JSON.stringify(config));
  });

  const refused: [what: string, args: () => string[], code: number, line: string | RegExp][] = [
    [
      "another latent",
      () => start("no", "old", "--latent", "32"),
      2,
      "--latent is 32, but the networks of old have 16: leave --latent out",
    ],
    [
      "a preset",
      () => start("no", "old", "--preset", "celeba"),
      2,
      "--preset is for a run that begins with random networks: leave it out with --from",
    ],
    [
      "grey images",
      () => [...start("no", "old"), "--data", greys],
      1,
      /^pioneer: .*-24-16\.pack has grey images, but old is a model of rgb ones: prepare the pack with --colour rgb\n$/,
    ],
    [
      "images that are too small",
      () => [...start("no", "old"), "--data", small],
      1,
      /^pioneer: .*-32-4\.pack has images of 4x4, but old has grown to 8x8: prepare the pack with --resolution 8 or more\n$/,
    ],
    [
      "a folder without checkpoints",
      () => start("no", "nowhere"),
      1,
      "nowhere is not there: check the path, or give --from a run folder (with checkpoint-... in it), a checkpoint or a model folder",
    ],
    [
      "a checkpoint that was cut short",
      () => start("no", "damaged"),
      1,
      "damaged/networks.safetensors was changed or cut short: its sha256 is not the one in state.json; give --from another checkpoint",
    ],
    [
      "a model without weights to train",
      () => start("no", "without"),
      1,
      "without has no model.safetensors, without which a model cannot be trained: give --from its run or checkpoint, or export it with --weights",
    ],
    [
      "a model whose weights were cut short",
      () => start("no", "cut"),
      1,
      "cut/model.safetensors does not hold a model's networks: copy the whole model folder, or export it again with --weights",
    ],
    [
      "a model whose weights were changed",
      () => start("no", "changed"),
      1,
      "changed/model.safetensors was changed or cut short (its sha256 differs): copy or export the model again",
    ],
    [
      "a run that is there",
      () => start("old", "old"),
      1,
      /^pioneer: old already holds a run \(.*\): go on with it by --resume, or give --run another folder\n$/,
    ],
    [
      "going on with a run from elsewhere",
      () => ["train", "--run", "old", "--resume", "--from", "model"],
      2,
      "--from is model, but the run was started with not set: leave --from out to go on, or start a new run with another --run",
    ],
  ];

  test.each(refused)("%s", async (_what, args, code, line) => {
    const outcome = await pioneer(folder, args());
    if (typeof line === "string") expect(outcome.stderr).toBe(`pioneer: ${line}\n`);
    else expect(outcome.stderr).toMatch(line);
    expect({ code: outcome.code, stdout: outcome.stdout }).toEqual({ code, stdout: "" });
    expect(existsSync(at("no"))).toBe(false);
  });
});
