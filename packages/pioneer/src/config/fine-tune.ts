// --from: a new run that begins with the networks of another model. What it takes over, and what it refuses.
import type { Colour, FaceTemplate } from "pioneer-runtime";
import { ConfigError } from "../base/errors.ts";
import { baseOf, type Growth, resolutionOf } from "../networks/growth.ts";
import { type NetworkKind, profileOf } from "../networks/kind.ts";
import { resolveTrainConfig, type TrainConfig } from "./config.ts";
import { templateText } from "./face-template.ts";
import { flagOf } from "./option-schema.ts";
import { recipeNames, recipes } from "./recipe.ts";

/** What a model is, as far as a run that begins with it must know. */
export interface SourceFacts extends Growth {
  /** As the user gave it. */
  readonly from: string;
  /** Shown so far. */
  readonly images: number;
  readonly recipe: string;
  readonly latent: number;
  readonly channels: number;
  readonly networks: NetworkKind;
  readonly colour: Colour;
  /** Where its training photos have eyes and mouth, if they were aligned. */
  readonly align: FaceTemplate | null;
}

/**
 * The configuration of a run that begins with a model: what is not given is the model's, where it is a matter of its
 * networks or of how it sees images; else the default.
 * @param given only what the user really gave, by flag or file, not yet validated
 * @throws ConfigError if an option is wrong or contradicts the model
 */
export function fineTuneConfig(source: SourceFacts, given: Readonly<Record<string, unknown>>): TrainConfig {
  const { latent, channels, networks, recipe, colour, align } = source;
  const config = resolveTrainConfig({
    resolution: resolutionOf(source.phase),
    latent,
    channels,
    channelProfile: networks.channelBase,
    recipe,
    ...(given.align !== undefined && align && { template: templateText(align) }),
    ...given,
    ...((given.colour ?? "auto") === "auto" && { colour }),
  });
  checkFineTune(source, config);
  return config;
}

/** @throws ConfigError naming the first option that contradicts the model, both values and the mend */
export function checkFineTune(source: SourceFacts, config: TrainConfig): void {
  checkBeginning(source, config);
  checkNetworks(source, config);
  const { from, colour, align } = source;
  if (config.colour !== undefined && config.colour !== "auto" && config.colour !== colour) {
    throw new ConfigError(`--colour is ${config.colour}, but ${from} is a model of ${colour} images: leave it out`);
  }
  if (align !== null && config.template !== undefined && config.template !== templateText(align)) {
    throw new ConfigError(
      `--template is ${config.template}, but ${from} knows faces at ${templateText(align)}: leave --template out`,
    );
  }
}

/** Where such a run begins is settled. */
function checkBeginning({ from, phase }: SourceFacts, config: TrainConfig): void {
  const { startPhase, forceAlpha, progression, resolution, schedule } = config;
  const given: [flag: string, isGiven: boolean][] = [
    [`--start-phase ${startPhase}`, startPhase !== undefined],
    [`--force-alpha ${forceAlpha}`, forceAlpha !== undefined],
    ["--no-progression", !progression],
  ];
  const size = resolutionOf(phase);
  const [flag] = given.find(([, isGiven]) => isGiven) ?? [];
  if (flag !== undefined) {
    throw new ConfigError(
      `${flag} does not go with --from ${from}: the run begins in phase ${phase} (${size}x${size}), fully faded in; leave it out`,
    );
  }
  if (resolution !== undefined && resolution < size) {
    throw new ConfigError(
      `--resolution is ${resolution}, but ${from} has grown to ${size}x${size}: give ${size}, or more to grow on`,
    );
  }
  const first = schedule?.entries[0]?.phase;
  if (first !== undefined && first !== phase) {
    throw new ConfigError(
      `--schedule begins with phase ${first}, but ${from} is in phase ${phase} (${size}x${size}): let its first entry say "phase": ${phase}`,
    );
  }
}

function checkNetworks({ from, latent, channels, networks, recipe }: SourceFacts, config: TrainConfig): void {
  for (const [key, known] of Object.entries({ latent, channels })) {
    const wanted = config[key as "latent" | "channels"];
    if (wanted === known) continue;
    throw new ConfigError(
      `${flagOf(key)} is ${wanted}, but the networks of ${from} have ${known}: leave ${flagOf(key)} out`,
    );
  }
  const channelBase = baseOf(channels, networks.channelBase);
  if (baseOf(channels, config.channelProfile) !== channelBase) {
    throw new ConfigError(
      `--channel-profile is ${config.channelProfile ?? "not set"}, but the networks of ${from} have ${channels} channels${profileOf(channelBase)}: leave --channel-profile out`,
    );
  }
  const fitting = recipeNames.filter((name) => isBuiltAlike(recipes[name].networks, networks));
  if (!fitting.includes(config.recipe)) {
    throw new ConfigError(
      `--recipe ${config.recipe} has other networks than ${from} (${recipe}): leave it out, or give ${fitting.join(" or ")}`,
    );
  }
}

/** Whether the code is activated is not the recipe's: imported models differ in it, and stay as they are. */
const isBuiltAlike = (a: NetworkKind, b: NetworkKind): boolean =>
  a.generatorNorm === b.generatorNorm && a.head === b.head;
