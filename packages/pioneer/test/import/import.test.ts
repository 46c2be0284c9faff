// What comes of the authors' files: every number as PyTorch has it, and the networks' outputs as their program gives them.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noGrad, operator, scope, type Tensor } from "pioneer-torch";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../torch/test/support/folder.ts";
import { readCheckpoint, readModelNetworks } from "../../src/checkpoint/checkpoint.ts";
import { readRunConfig } from "../../src/checkpoint/run-folder.ts";
import { recipeOf } from "../../src/config/recipe.ts";
import { positionAt } from "../../src/config/schedule.ts";
import { type ImportOptions, importAuthors } from "../../src/import/import-run.ts";
import type { Learner } from "../../src/learner/learner.ts";
import { leftBehind, nothing } from "../support/memory.ts";
import { checkpointFile, distance, type Expected, readExpected, type Sums, tensorsOf } from "./support.ts";

const singularValues = operator<[Tensor], Tensor>("aten::linalg_svdvals");

const folder = temporaryFolder();
let runs = 0;

async function imported(files: readonly string[], options: Partial<ImportOptions> = {}) {
  const out = join(folder, `run-${runs++}`);
  const result = await importAuthors({ files: files.map(checkpointFile), out, activatedCode: true, ...options });
  return { out, ...result, folder: result.run?.checkpoint ?? "" };
}

const opened = (run: string, checkpoint: string) => {
  const config = readRunConfig(run);
  return { config, ...readCheckpoint(checkpoint, recipeOf(config), config.lr) };
};

const refusal = (files: readonly string[], options: Partial<ImportOptions> = {}) =>
  imported(files, options).then(
    () => "imported",
    (error: unknown) => (error as Error).message.replaceAll(checkpointFile(""), ""),
  );

describe("a checkpoint of the first program", () => {
  const expected = readExpected<Expected & { optimizerG: Moved; optimizerD: Moved }>("expected.json");
  type Moved = { parameters_with_state: Record<string, { step: number; exp_avg_sq: Sums }> };
  const reference = tensorsOf(checkpointFile("expected.safetensors"));
  let zip: Awaited<ReturnType<typeof imported>>;
  let learner: Learner;
  beforeAll(async () => {
    zip = await imported(["zip_state"]);
    learner = opened(zip.out, zip.folder).learner;
  });

  /** Sums as the reference has them; both are of float64. */
  function expectSums(tensor: Tensor, { shape, sum, sum_of_squares, first, last }: Sums): void {
    expect(tensor.shape).toEqual(shape);
    const values = [...tensor.detach().toFloat32Array()];
    const total = (of: (value: number) => number) => values.reduce((all, value) => all + of(value), 0);
    // Sums of n rounded numbers in another order: n · 2^-53 of their absolute sum, some 1e-9 here.
    expect(total((value) => value)).toBeCloseTo(sum, 6);
    expect(total((value) => value ** 2) / (sum_of_squares || 1)).toBeCloseTo(sum_of_squares ? 1 : 0, 9);
    expect([values[0], values.at(-1)]).toEqual([first, last].map(Math.fround));
  }

  test("has every parameter of the three networks", () => {
    const networks = {
      G_state_dict: "generator",
      D_state_dict: "encoder",
      G_running_state_dict: "generatorEma",
    } as const;
    let compared = 0;
    for (const [key, network] of Object.entries(networks)) {
      const { parameters } = learner[network];
      for (const [name, sums] of Object.entries(expected.parameters[key] ?? {})) {
        if (name === "module.label_embed.weight") continue; // used by nothing
        expectSums(parameters.get(name.slice("module.".length)) as Tensor, sums);
        compared++;
      }
      expect(Object.keys(expected.parameters[key] ?? {}).filter((name) => !name.includes("label"))).toHaveLength(
        parameters.size,
      );
    }
    expect(compared).toBe(3 * 54);
  });

  test("has Adam's second moments and steps, of the layers that were moved and no others", () => {
    for (const [key, network] of [
      ["optimizerG", "generator"],
      ["optimizerD", "encoder"],
    ] as const) {
      const moved = Object.entries(expected[key].parameters_with_state);
      const { state } = learner.optimisers[network];
      expect([...state.keys()].sort()).toEqual(moved.map(([name]) => name.slice("module.".length)).sort());
      for (const [name, { step, exp_avg_sq }] of moved) {
        const own = state.get(name.slice("module.".length));
        expect(own?.step).toBe(step);
        expectSums(own?.secondMoment as Tensor, exp_avg_sq);
      }
    }
  });

  test("makes the authors' images, codes and reconstructions", () => {
    const { encoder, generator: generatorEma, state } = readModelNetworks(zip.folder);
    const growth = { phase: state.phase, alpha: state.alpha };
    expect(growth).toEqual({ phase: 3, alpha: 1 });
    noGrad(() =>
      scope(() => {
        const generate = generatorEma.prepare(growth, "fp32");
        const code = encoder.prepare(growth, "fp32", "keep")(reference("x"));
        // fixtures/checkpoints/README.md: tolerances of two correct programs.
        expect(distance(generate(reference("z")), reference("G_running/z"))).toBeLessThan(2e-5);
        expect(distance(code, reference("E/x/exact_sigma"))).toBeLessThan(1e-5);
        expect(distance(generate(code), reference("G_running/E/x/exact_sigma"))).toBeLessThan(5e-5);
        expect(distance(code, reference("E/x"))).toBeLessThan(1e-5);
      }),
    );
  });

  test("u is the first singular vector, to which their warm-up converges up to its sign", () => {
    for (const [layer, { largest_singular_value: sigma }] of Object.entries(expected.spectral_norms)) {
      const u = (learner.encoder.u.get(layer) as Tensor).toFloat32Array();
      const warm = reference(`u/encoder.${layer}.weight_u`).toFloat32Array();
      const dot = u.reduce((sum, value, i) => sum + value * (warm[i] as number), 0);
      // 400 powers of the ratio of the two largest singular values are left: at most (1.760 / 1.804)^400 = 5e-5, squared here.
      expect(Math.abs(dot)).toBeGreaterThan(1 - 1e-6);
      const weight = learner.encoder.parameter(`${layer}.weight_orig`).detach();
      const matrix = scope(() => weight.to("float64").reshape([weight.size(0), -1]));
      const own = scope(() => (learner.encoder.u.get(layer) as Tensor).to("float64"));
      expect(scope(() => matrix.transpose(0, 1).matmul(own).norm().item())).toBeCloseTo(sigma, 6);
      expect(scope(() => singularValues(matrix).narrow(0, 0, 1).item())).toBeCloseTo(sigma, 6);
    }
    expect(Object.keys(expected.spectral_norms).length).toBeGreaterThan(7);
  });

  test("the stream layout of earlier versions gives the same run", async () => {
    const stream = await imported(["legacy_state"]);
    for (const file of ["networks.safetensors", "state.safetensors"]) {
      expect(readFileSync(join(stream.folder, file)).equals(readFileSync(join(zip.folder, file))), file).toBe(true);
    }
  });

  test.each(["variant_torch04_state", "variant_torch031_state"])(
    "%s: every tensor is the base's first numbers",
    async (name) => {
      const { out, folder: checkpoint } = await imported([name]);
      const { learner: own } = opened(out, checkpoint);
      const base = reference("variant/base").toFloat32Array();
      for (const network of ["generator", "encoder", "generatorEma"] as const) {
        for (const [key, value] of own[network].parameters) {
          const numbers = value.detach().toFloat32Array();
          expect([key, Buffer.from(numbers.buffer).equals(Buffer.from(base.buffer, 0, 4 * numbers.length))]).toEqual([
            key,
            true,
          ]);
        }
      }
      expect([...own.optimisers.encoder.state.keys()]).toEqual([...learner.optimisers.encoder.state.keys()]);
      expect(own.optimisers.generator.state.get("to_rgb.3.bias")?.step).toBe(2);
    },
  );

  test("is a run with a place in a schedule, and without data", () => {
    const { config, state } = opened(zip.out, zip.folder);
    expect(readdirSync(zip.out).sort()).toEqual(["checkpoint-00000240", "config.json"]);
    expect(config).toMatchObject({ recipe: "accv2018", latent: 32, channels: 32, resolution: 32, lr: 0.001 });
    expect(state).toMatchObject({ images: 240_000, steps: 1, phase: 3, alpha: 1, resolution: 32, poolImages: 0 });
    expect(positionAt(state.schedule, 240_000)).toMatchObject({ phase: 3, alpha: 1 });
    expect(zip.run?.notes.join()).toMatch(/240000 images do not fit phases of 2400 kimg/);
  });
});

describe("a checkpoint of the balanced program", () => {
  const reference = tensorsOf(checkpointFile("balanced_expected.safetensors"));
  const growth = { phase: 1, alpha: 0.25 };

  /** What the average makes of z and the encoder of x. */
  function outputs(checkpoint: string) {
    const { encoder, generator: generatorEma } = readModelNetworks(checkpoint);
    return noGrad(() =>
      scope(() => ({
        images: generatorEma.prepare(growth, "fp32")(reference("z")),
        codes: encoder.prepare(growth, "fp32", "keep")(reference("x")),
      })),
    );
  }

  // Measured against float64 with libtorch 1.13 (November 2026): images, up to 1.7, 2.4e-7, codes 9e-8; times 5.
  const rounding = 1.2e-6;

  test.each([
    ["exact", true, []],
    ["exact", false, []],
    ["u", true, ["balanced_SNU"]],
    ["u", false, ["balanced_SNU"]],
  ] as const)("u %s, activated code %s", async (u, activatedCode, more) => {
    const { out, folder: checkpoint, run } = await imported([...more, "balanced_state"], { activatedCode });
    expect(run).toMatchObject({
      recipe: "balanced",
      images: 2_700_000,
      phase: 1,
      alpha: 0.25,
      u: u === "u" ? "file" : u,
    });
    const { images, codes } = outputs(checkpoint);
    expect(distance(images, reference(`G_running/z/${u}`))).toBeLessThan(rounding);
    expect(distance(codes, reference(`E/x/${u}/${activatedCode ? "activated" : "plain"}`))).toBeLessThan(rounding);
    const { config, state } = opened(out, checkpoint);
    expect(config).toMatchObject({ recipe: "balanced", lr: 0.0005, kimgPerPhase: 2400 });
    expect(config.generatorSteps).toBe(activatedCode ? 2 : undefined);
    expect(state).toMatchObject({ steps: 21_094, networks: { generatorNorm: "spectral", activatedCode, head: false } });
    expect(state.adamSteps.generator["to_rgb.1.bias"]).toBe(42_188);
    // 2.4 million a phase: alpha rises from there as it has so far.
    expect(state.schedule.phases[1]).toEqual({ phase: 1, startImages: 2_400_000, fadeImages: 1_200_000 });
  });

  test("its directions are unit vectors with the length of the delta", async () => {
    const { out, directions } = await imported(["balanced_state", "smile_delta"]);
    const file = JSON.parse(readFileSync(join(out, "directions.json"), "utf8"));
    const { vector, ...smile } = file.directions.smile;
    const delta = [...reference("delta").toFloat32Array()];
    expect(smile).toMatchObject({ method: "imported", orthogonal: false });
    expect(smile.unit).toBeCloseTo(Math.hypot(...delta), 14);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 14);
    for (const [i, value] of delta.entries()) expect(vector[i] * smile.unit).toBeCloseTo(value, 14);
    expect({ ...file, directions: Object.keys(file.directions) }).toEqual({
      format: 1,
      latent: 32,
      directions: ["smile"],
    });
    expect(directions).toHaveLength(1);
  });

  test("directions join those of a run that is there", async () => {
    const { out } = await imported(["balanced_state"]);
    expect(existsSync(join(out, "directions.json"))).toBe(false);
    await importAuthors({ files: [checkpointFile("smile_delta")], out, activatedCode: true });
    const before = JSON.parse(readFileSync(join(out, "directions.json"), "utf8"));
    expect(Object.keys(before.directions)).toEqual(["smile"]);
    await importAuthors({ files: [checkpointFile("smile_delta")], out, activatedCode: true });
    expect(JSON.parse(readFileSync(join(out, "directions.json"), "utf8"))).toEqual(before);
  });

  test("directions are not put beside an exported model, whose config.json would not know them", async () => {
    const out = join(folder, "exported");
    mkdirSync(out);
    writeFileSync(join(out, "config.json"), JSON.stringify({ format: 1, files: {} }));
    const importing = importAuthors({ files: [checkpointFile("smile_delta")], out, activatedCode: true });
    await expect(importing).rejects.toThrow(/exported is a model folder: give --out the run it was exported from/);
    expect(readdirSync(out)).toEqual(["config.json"]);
  });

  test("with its preset it has the published schedule and margins", async () => {
    const { out, folder: checkpoint } = await imported(["balanced_state"], { preset: "celeba-hq" });
    const { config, state } = opened(out, checkpoint);
    expect(config).toMatchObject({ resolution: 256, generatorSteps: 2 });
    expect(state.schedule.settings?.at(-1)).toMatchObject({ startImages: 20_040_000, margin: 0.04 });
    expect(positionAt(state.schedule, state.images)).toMatchObject({ phase: 1, alpha: 0.25 });
  });
});

describe("refused, with nothing written", () => {
  test.each([
    [["zip_state"], { recipe: "balanced" }, /--recipe balanced: the layers of the checkpoint are those of accv2018/],
    [["zip_state"], { resolution: 16 }, /--resolution 16: the checkpoint is at 32 already/],
    [["zip_state", "legacy_state"], {}, /zip_state and legacy_state are two checkpoints/],
    [["balanced_SNU"], {}, /balanced_SNU is u of a checkpoint: give its _state file too/],
    [["zip_state", "balanced_SNU"], {}, /balanced_SNU holds u of 54 spectral norms, the networks of zip_state have 18/],
    [["smile_delta"], {}, /holds no run \(no config\.json\)/],
    [["smile_delta"], { preset: "celeba" }, /--preset celeba: there is no checkpoint among the files, only directions/],
    [
      ["zip_state"],
      { activatedCode: false },
      /--no-activated-code is for balanced checkpoints, this is one of accv2018/,
    ],
    [["expected.json"], {}, /^expected\.json was not written by torch\.save/],
    [["expected.safetensors"], {}, /^expected\.safetensors was not written by torch\.save/],
    [["nothing"], {}, /^nothing: no such file/],
    [["malicious_zip_state"], {}, /^malicious_zip_state names "posix\.system", which plain data have no use for/],
    [["malicious_legacy_state"], {}, /^malicious_legacy_state names "posix\.system"/],
  ] as const)("%j %j", async (files, options, message) => {
    const before = readdirSync(folder);
    expect(await refusal(files, options as Partial<ImportOptions>)).toMatch(message);
    expect(readdirSync(folder)).toEqual(before);
    expect(existsSync("/tmp/pioneer-pwned")).toBe(false);
  });

  test("a folder that is not empty", async () => {
    const { out } = await imported(["balanced_state"]);
    const before = readdirSync(out);
    expect(await refusal(["zip_state"], { out })).toMatch(/is not empty: give --out a new folder/);
    expect(readdirSync(out)).toEqual(before);
  });

  test("stopped half way", async () => {
    const before = readdirSync(folder);
    const onLoaded = (done: number, total: number) => {
      if (done > total / 2) throw new Error("stopped");
    };
    expect(await refusal(["zip_state"], { onLoaded })).toBe("stopped");
    expect(readdirSync(folder)).toEqual(before);
  });
});

test("every tensor is freed, also where the import stops half way", async () => {
  const stop = (done: number, total: number) => {
    if (done > total / 2) throw new Error("stopped");
  };
  const left = await leftBehind(async () => {
    await imported(["balanced_state", "balanced_SNU", "smile_delta"]);
    await refusal(["balanced_state"], { onLoaded: stop });
    await refusal(["malicious_zip_state"]);
  });
  expect(left).toEqual(nothing);
});
