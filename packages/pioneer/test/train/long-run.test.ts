import { expect, test } from "vitest";
import { accv2018 } from "../../src/config/recipe.ts";
import { longRun, secondsAtLeast } from "../../src/train/long-run.ts";

// 100 images, 100, and 200 of the last phase, of which half of the second phase were shown.
const schedule = {
  phases: [0, 1, 2].map((phase) => ({ phase, startImages: 100 * phase, fadeImages: 0 })),
  totalImages: 400,
};

test("images of earlier phases count by their work", () => {
  // 50 of a quarter of the work, and 200 of 3 s.
  expect(secondsAtLeast(schedule, 150, { phase: 2, seconds: 3 }, (phase) => 4 ** phase)).toBe(50 * 0.75 + 600);
  expect(secondsAtLeast({ ...schedule, totalImages: 250 }, 220, { phase: 2, seconds: 3 }, () => 1)).toBe(90);
  expect(secondsAtLeast(schedule, 400, { phase: 2, seconds: 3 }, () => 1)).toBe(0);
});

const config = { data: "my faces.pack", run: "runs/a", resume: false, recipe: "accv2018" } as const;
const networks = { size: { latent: 512, channels: 512 }, recipe: accv2018 };
const after = (seconds: number) => ({ schedule, images: 0, last: { phase: 2, seconds } });
// Of the last phase alone.
const day = (24 * 3600) / 200;

test("a run of more than a day says so, with a command for an hour that can be pasted", () => {
  expect(longRun(config, after(2 * day), networks)).toMatch(
    /^the 0\.4 kimg of this run take 2 d \d+ h or more here; Ctrl-C ends it with a checkpoint\. For a run of an hour: pioneer train --data 'my faces\.pack' --run runs\/a-hour --minutes 60 --recipe cycle --latent 128 /,
  );
  expect(longRun({ ...config, resume: true }, after(2 * day), networks)).toMatch(/--max-minutes M stops earlier/);
});

test("one that is shorter, or that is told when to end, says nothing", () => {
  expect(longRun(config, after(day / 3), networks)).toBeUndefined();
  expect(longRun({ ...config, minutes: 60 }, after(2 * day), networks)).toBeUndefined();
  expect(longRun({ ...config, maxMinutes: 60 }, after(2 * day), networks)).toBeUndefined();
});
