import { shellWord } from "../base/shell-word.ts";

/** By resolution: small ones, for many steps in little time. */
export const laptopBatch = { 4: 64, 8: 32, 16: 16, 32: 16, 64: 16 } as const;
const batchText = Object.entries(laptopBatch)
  .map((entry) => entry.join(":"))
  .join(",");

/** What README.md recommends for photos on a laptop: recipe, size of the networks, and batches that reach 64x64 within an hour. */
export const laptopOptions = `--recipe cycle --latent 128 --channels 128 --channel-profile 1024 --batch ${batchText}`;

/** What follows `pioneer` for a run of an hour on a laptop. */
export const hourOfTraining = (data: string, run: string): string =>
  `train --data ${shellWord(data)} --run ${shellWord(run)} --minutes 60 ${laptopOptions}`;
