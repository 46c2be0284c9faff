import { expect, test } from "vitest";
import { resolveTrainConfig } from "../../src/config/config.ts";
import { defaultTemplate, templateText } from "../../src/config/face-template.ts";
import { checkFineTune, fineTuneConfig, type SourceFacts } from "../../src/config/fine-tune.ts";
import { pioneerKind } from "../../src/networks/kind.ts";

const eyes = templateText(defaultTemplate);
const source: SourceFacts = {
  from: "runs/faces",
  images: 374_000,
  phase: 4,
  alpha: 1,
  recipe: "cycle",
  latent: 128,
  channels: 64,
  networks: { ...pioneerKind, channelBase: 1024 },
  colour: "grey",
  align: defaultTemplate,
};
const data = "photos";

test("what is not given is the model's, where it is a matter of its networks or of how it sees images", () => {
  expect(fineTuneConfig(source, { data, from: "runs/faces", align: "eyes.csv", batch: 16 })).toMatchObject({
    latent: 128,
    channels: 64,
    channelProfile: 1024,
    recipe: "cycle",
    resolution: 64,
    colour: "grey",
    template: eyes,
    align: "eyes.csv",
    batch: 16,
    // Its length, rate and seed are the new run's own.
    kimgPerPhase: 2400,
    lr: 0.001,
    seed: 0,
  });
  expect(fineTuneConfig(source, { data, colour: "auto" }).colour).toBe("grey");
  expect(fineTuneConfig(source, { data }).template).toBeUndefined();
  expect(fineTuneConfig({ ...source, align: null }, { data, align: "eyes.csv" }).template).toBeUndefined();
});

test("the width that is left out is the paper's, and equal to itself in other words", () => {
  const papers = { ...source, networks: pioneerKind };
  expect(fineTuneConfig(papers, { data, channelProfile: 2048 }).channelProfile).toBe(2048); // 32 x 64
  expect(() => fineTuneConfig(papers, { data, channelProfile: 1024 })).toThrow(
    "--channel-profile is 1024, but the networks of runs/faces have 64 channels (profile 2048): leave --channel-profile out",
  );
});

test("networks of an imported model stay as they are, whatever the recipe says of the code", () => {
  const imported = { ...source, recipe: "balanced", networks: { ...pioneerKind, generatorNorm: "spectral" as const } };
  expect(fineTuneConfig(imported, { data }).recipe).toBe("balanced");
  expect(() => fineTuneConfig(imported, { data, recipe: "cycle" })).toThrow(
    "--recipe cycle has other networks than runs/faces (balanced): leave it out, or give balanced",
  );
});

test("other places of faces are refused", () => {
  const template = "0.3,0.4,0.7,0.4,0.5,0.8";
  const message = `--template is ${template}, but runs/faces knows faces at ${eyes}: leave --template out`;
  expect(() => fineTuneConfig(source, { data, align: "eyes.csv", template })).toThrow(message);
});

test("a configuration made by a program is held to the same", () => {
  const message = "--latent is 512, but the networks of runs/faces have 128: leave --latent out";
  expect(() => checkFineTune(source, resolveTrainConfig({ data, from: "runs/faces" }))).toThrow(message);
});

const refused: [what: string, given: Record<string, unknown>, message: string][] = [
  ["channels", { channels: 8 }, "--channels is 8, but the networks of runs/faces have 64: leave --channels out"],
  [
    "a lower resolution",
    { resolution: 32 },
    "--resolution is 32, but runs/faces has grown to 64x64: give 64, or more to grow on",
  ],
  ["another colour", { colour: "rgb" }, "--colour is rgb, but runs/faces is a model of grey images: leave it out"],
  [
    "a phase to begin with",
    { startPhase: 0 },
    "--start-phase 0 does not go with --from runs/faces: the run begins in phase 4 (64x64), fully faded in; leave it out",
  ],
  [
    "an alpha",
    { forceAlpha: 0.5 },
    "--force-alpha 0.5 does not go with --from runs/faces: the run begins in phase 4 (64x64), fully faded in; leave it out",
  ],
  [
    "no progression",
    { progression: false },
    "--no-progression does not go with --from runs/faces: the run begins in phase 4 (64x64), fully faded in; leave it out",
  ],
  [
    "a schedule from the first phase on",
    { schedule: { entries: [{ images: 0, phase: 0 }] } },
    '--schedule begins with phase 0, but runs/faces is in phase 4 (64x64): let its first entry say "phase": 4',
  ],
];

test.each(refused)("%s is refused", (_what, given, message) => {
  expect(() => fineTuneConfig(source, { data, from: "runs/faces", ...given })).toThrow(message);
});
