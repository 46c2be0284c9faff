import { shellWord } from "../base/shell-word.ts";

/** What follows `pioneer` for a run of an hour with networks that suit a laptop. */
export const hourOfTraining = (data: string, run: string): string =>
  `train --data ${shellWord(data)} --run ${shellWord(run)} --recipe cycle --minutes 60 --latent 128 --channels 128 --channel-profile 1024 --batch 64`;
