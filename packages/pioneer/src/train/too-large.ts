import { ConfigError } from "../base/errors.ts";

export interface TooLarge {
  readonly resolution: number;
  /** Of one process. */
  readonly batch: number;
  /** Of what is short, "about 900 MiB". */
  readonly needs: string;
  /** The most images of which a step of one process fits, where that is known. */
  readonly fits: number | undefined;
  readonly availableMiB: number;
  /** How many share the batch. */
  readonly processes: number;
}

/** A run whose last phase does not fit into memory, with the batch that would. */
export function tooLargeError({ resolution, batch, needs, fits, availableMiB, processes }: TooLarge): ConfigError {
  const each = processes > 1 ? ` in each of ${processes} processes` : "";
  const all = (fits ?? 0) * processes;
  const mend =
    fits === undefined
      ? "give fewer --channels, or a smaller --batch where it is more than 2"
      : `a --batch of ${all} would fit there: give "${resolution}:${all}", or fewer --channels`;
  return new ConfigError(
    `the last phase (${resolution}x${resolution}, batch ${batch}${each}) needs ${needs}, ` +
      `${Math.round(availableMiB)} MiB are available${processes > 1 ? " to each" : ""}: ${mend}`,
  );
}
