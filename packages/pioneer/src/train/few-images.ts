import type { TrainConfig } from "../config/config.ts";

/** With fewer the encoder soon knows all of them by heart. */
const enough = 2000;

/** What to do about few training images, in words; undefined where there are enough, or it is being done. */
export function fewImages(
  count: number,
  { augment, from, recipe }: Pick<TrainConfig, "augment" | "from" | "recipe">,
): string | undefined {
  if (count >= enough || augment) return undefined;
  const few = `${count} training images are few (under ${enough}): the networks learn them by heart`;
  if (recipe === "gan") return `${few}; add images`;
  const others = from === undefined ? ", as does a new run --from a model of similar images" : "";
  return `${few}; --augment works against that${others}`;
}
