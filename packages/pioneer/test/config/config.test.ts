import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/base/errors.ts";
import { batchAt } from "../../src/config/batch.ts";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { parseConfigFile, savedConfigText } from "../../src/config/config-file.ts";
import { flagOf, helpOf } from "../../src/config/option-schema.ts";
import { recipeNames } from "../../src/config/recipe.ts";
import { changesTold, checkResumable, resumeTrainConfig } from "../../src/config/resume.ts";
import { resumeRules, trainSchema } from "../../src/config/train-options.ts";

const data = "faces.pack";
const refuse = (options: Record<string, unknown>, message: string) => {
  expect(() => resolveTrainConfig({ data, ...options })).toThrow(new ConfigError(message));
};

describe("defaults and checks", () => {
  test("only the data must be given; the rest is the paper's", () => {
    expect(resolveTrainConfig({ data })).toEqual({
      data,
      mirror: true,
      latent: 512,
      channels: 512,
      recipe: "accv2018",
      realm: false,
      augment: false,
      sharpen: false,
      progression: true,
      resetOptimiser: false,
      encoderOrder: "joint",
      kimgPerPhase: 2400,
      batch: "auto",
      lr: 0.001,
      seed: 0,
      precision: "auto",
      device: "auto",
      convolutions: "auto",
      cudaGraphs: false,
      deterministic: false,
      nproc: 1,
      run: "runs/train",
      resume: false,
      plan: false,
      checkpointKimg: 100,
      checkpointMinutes: 15,
      keep: 3,
      gridKimg: 20,
    });
  });

  test("the result cannot be changed", () => {
    const config = resolveTrainConfig({ data, batch: "32:64" });
    expect(Object.isFrozen(config) && Object.isFrozen(config.batch)).toBe(true);
  });

  test("a wrong value is one line: flag, what was expected, what came", () => {
    const clock = "--minutes 30 goes by the clock";
    refuse({ minutes: 30, totalKimg: 3 }, `${clock}, --total-kimg by images: leave one of them out`);
    refuse({ minutes: 30, startPhase: 1 }, `${clock}, --start-phase by images: leave one of them out`);
    refuse({ minutes: 30, forceAlpha: 0.5 }, `${clock}, --force-alpha by images: leave one of them out`);
    refuse({ minutes: 30, progression: false }, `${clock}, --no-progression by images: leave one of them out`);
    refuse(
      { minutes: 30, resume: true, startPhase: 1 },
      `${clock}, --start-phase with which the run was started: leave --minutes out`,
    );
    refuse(
      { minutes: 30, plan: true },
      "--plan prints a schedule by images, and with --minutes 30 it follows the clock: leave --plan out",
    );
    refuse({ resolution: 48 }, "--resolution: expected a power of two from 4 to 1024, got 48");
    refuse({ resolution: 2048 }, "--resolution: expected a power of two from 4 to 1024, got 2048");
    refuse({ latent: 1 }, "--latent: expected a whole number from 2 to 4096, got 1");
    refuse({ latent: 12.5 }, "--latent: expected a whole number from 2 to 4096, got 12.5");
    refuse({ lr: "fast" }, '--lr: expected a number above 0, at most 1, got "fast"');
    refuse({ kimgPerPhase: 0 }, "--kimg-per-phase: expected a number above 0, got 0");
    refuse({ recipe: "vae" }, `--recipe: expected ${recipeNames.join(" or ")}, got "vae"`);
    refuse({ precision: "fp16" }, '--precision: expected auto or bf16 or fp32, got "fp16"');
    refuse({ keep: -1 }, "--keep: expected a whole number from 0, got -1");
    refuse({ data: undefined }, "--data is missing: give a pack, an image folder, an archive, or procedural:faces");
    expect(() => resolveTrainConfig({ data, latnt: 3 })).toThrow(
      /^unknown option "latnt" in the configuration; it knows data, /,
    );
    expect(() => resolveTrainConfig(7)).toThrow("expected an object of options, got 7");
  });

  test("options of losses that gan does not have, and two beginnings, are refused", () => {
    const only = "is of the recipes that make latents: leave it out with --recipe gan";
    for (const [option, flag] of [
      [{ margin: 0.1 }, "--margin"],
      [{ realm: true }, "--realm"],
      [{ augment: true }, "--augment"],
      [{ sharpen: true }, "--sharpen"],
      [{ boostreco: 1 }, "--boostreco"],
      [{ klDirection: "pq" }, "--kl-direction"],
      [{ xMismatch: "L2" }, "--x-mismatch"],
      [{ zMismatch: "L2" }, "--z-mismatch"],
    ] as const) {
      refuse({ recipe: "gan", ...option }, `${flag} ${only}`);
      expect(resolveTrainConfig({ data, recipe: "balanced", ...option })).toMatchObject(option);
    }
    refuse({ margin: -1 }, "--margin: expected a number from 0, got -1");
    refuse({ forceAlpha: 1.5 }, "--force-alpha: expected a number from 0 to 1, got 1.5");
    refuse(
      { progression: false, startPhase: 2 },
      "--no-progression begins in the last phase, --start-phase in phase 2: leave one of them out",
    );
  });

  test("every error of a wrong option ends the program with 2", () => {
    expect(new ConfigError("").exitCode).toBe(2);
  });
});

describe("batch", () => {
  const tooSmall =
    'expected auto, a whole number from 2, or a list by resolution such as "32:64,64:32" with every batch from 2, got ';

  test("a number, a list by resolution and auto", () => {
    expect(resolveTrainConfig({ data, batch: "16" }).batch).toBe(16);
    expect(resolveTrainConfig({ data, batch: "32:64,64:32" }).batch).toEqual({ 32: 64, 64: 32 });
    expect(resolveTrainConfig({ data, batch: { 32: 64 } }).batch).toEqual({ 32: 64 });
    const resolutions = [4, 8, 16, 32, 64, 128, 256, 512, 1024];
    expect(resolutions.map((r) => batchAt("auto", r))).toEqual([128, 128, 128, 64, 32, 16, 8, 4, 2]);
    expect(resolutions.map((r) => batchAt({ 32: 20, 4: 10 }, r))).toEqual([10, 128, 128, 20, 32, 16, 8, 4, 2]);
    expect(batchAt(12, 64)).toBe(12);
    expect(helpOf(trainSchema.shape.batch).line).toMatch(/; default auto \(128 up to 16x16, then halving\)$/);
  });

  test("below 2 the KL terms have no variance: refused, in a list too", () => {
    refuse({ batch: 1 }, `--batch: ${tooSmall}1`);
    refuse({ batch: "1" }, `--batch: ${tooSmall}"1"`);
    refuse({ batch: "32:64,64:1" }, `--batch: ${tooSmall}"32:64,64:1"`);
    refuse({ batch: "33:64" }, `--batch: ${tooSmall}"33:64"`);
    refuse({ batch: "64x2" }, `--batch: ${tooSmall}"64x2"`);
  });

  test("any text is a batch or one line of refusal", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          return batchAt(resolveTrainConfig({ data, batch: text }).batch, 64) >= 2;
        } catch (error) {
          return error instanceof ConfigError && error.message.startsWith("--batch: ");
        }
      }),
    );
  });
});

describe("options that are wrong together", () => {
  test("are named by their flags", () => {
    refuse(
      { batch: "32:64,128:16", resolution: 64 },
      "--batch names resolution 128, but --resolution is 64: leave that entry out",
    );
    refuse({ run: data }, '--data and --run are both "faces.pack": give the run a folder of its own');
    refuse(
      { data: "procedural:faces", labels: "l.csv" },
      "--labels does not go with --data procedural:faces: its images are drawn, labels and all; leave it out",
    );
  });
});

describe("going on with a run", () => {
  const saved = resolveTrainConfig({ data, resolution: 32, lr: 0.002, batch: { 32: 8 }, threads: 1 });

  test("what is not given is as it was started with", () => {
    const config = resumeTrainConfig(saved, { run: "elsewhere", maxMinutes: 5, threads: 2 });
    expect(config).toEqual({ ...saved, run: "elsewhere", maxMinutes: 5, threads: 2, resume: true });
  });

  test("an option that makes another run is refused with both values and the mend", () => {
    const refuseResume = (given: Record<string, unknown>, message: string) =>
      expect(() => resumeTrainConfig(saved, given)).toThrow(new ConfigError(message));
    refuseResume(
      { latent: 16 },
      "--latent is 16, but the run was started with 512: leave --latent out to go on, or start a new run with another --run",
    );
    refuseResume(
      { resolution: 16 },
      "--resolution is 16, but the run was started with 32: a run can grow but not shrink; leave --resolution out, or start a new run",
    );
  });

  test("it can grow, move, and change speed and limits", () => {
    const given = { resolution: 64, data: "moved.pack", precision: "fp32", totalKimg: 9, keep: 0, batch: "32:8" };
    expect(resumeTrainConfig(saved, given)).toMatchObject({ ...given, batch: { 32: 8 } });
  });

  test("another batch or learning rate, which is told, unless a schedule says the rate", () => {
    const config = resumeTrainConfig(saved, { lr: 0.001, batch: 16 });
    expect(changesTold(saved, config)).toEqual([
      'from here on with --batch 16, before {"32":8}',
      "from here on with --lr 0.001, before 0.002",
    ]);
    expect(changesTold(saved, resumeTrainConfig(saved, { threads: 2 }))).toEqual([]);
    const scheduled = resolveTrainConfig({
      ...saved,
      schedule: { entries: [{ images: 0, phase: 0, learningRate: 0.001 }] },
    });
    expect(() => resumeTrainConfig(scheduled, { lr: 0.001 })).toThrow(
      "--lr is 0.001, but the run was started with 0.002, and its schedule says the learning rates: leave --lr out",
    );
  });

  test("every option has a rule, and each fixed one is refused when it differs", () => {
    expect(Object.keys(resumeRules).sort()).toEqual(Object.keys(trainSchema.shape).sort());
    const other = { crop: "none", colour: "grey", mirror: false, latent: 3, channels: 3, encoderOrder: "authors" };
    const more = { kimgPerPhase: 1, emaDecay: 0.5, seed: 9 };
    for (const [key, value] of Object.entries({ ...other, ...more })) {
      const wanted = resolveTrainConfig({ ...saved, [key]: value });
      expect(() => checkResumable(saved, wanted)).toThrow(new RegExp(`^${flagOf(key)} is `));
    }
  });
});

describe("the file", () => {
  test("a saved configuration reads back as it was, without what held for one call", () => {
    const config = resolveTrainConfig({ data, batch: "32:64", maxMinutes: 3, resume: true, threads: 2 });
    const { maxMinutes: _, ...kept } = config;
    const back = resolveTrainConfig(parseConfigFile(savedConfigText(config), "config.json"));
    expect(back).toEqual({ ...kept, resume: false });
  });

  test("what is no configuration, or a newer one, is refused by its path", () => {
    expect(() => parseConfigFile("{", "a.json")).toThrow(/^a\.json: not JSON \([^\n]+\); mend or remove it$/);
    expect(() => parseConfigFile("[]", "a.json")).toThrow(
      'a.json: expected a JSON object of options such as {"latent": 128}',
    );
    expect(() => parseConfigFile('{"format": 2}', "a.json")).toThrow(
      "a.json: format 2, and this version of pioneer reads 1: update pioneer",
    );
  });
});
