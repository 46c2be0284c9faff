// Schedules that somebody writes: entries of images, phase, learning rate and margin (docs/recipes.md).
import { z } from "zod";
import { ConfigError } from "../base/errors.ts";
import { parseJson } from "../base/read.ts";
import { blockCount } from "../networks/growth.ts";
import { number, positive, whole } from "./option-schema.ts";
import type { LearningRates, Schedule, SchedulePhase } from "./schedule.ts";

const rateError = 'a number above 0, at most 1, or {"encoder": 0.001, "generator": 0.001}';
const rates = z.strictObject({ encoder: positive(1), generator: positive(1) });

const entrySchema = z.strictObject(
  {
    /** Images shown when this entry begins. */
    images: whole(0),
    phase: whole(0, blockCount - 1),
    /** Of Adam, for both networks or each; default: the run's. */
    learningRate: z.union([positive(1), rates], rateError).optional(),
    /** Bound of the encoder's KL terms, 0 for none; default: the run's. */
    margin: number(0).optional(),
  },
  'an object such as {"images": 0, "phase": 0}',
);

/** What a schedule file holds. */
export const scheduleFileSchema = z
  .strictObject(
    {
      entries: z.array(entrySchema, "a list of entries").min(1, "at least one entry"),
      /** Where training ends; default: the last entry has twice a phase's length. */
      totalImages: whole(1).optional(),
      /** Images over which a phase is faded in; default: half a phase's length. */
      fadeImages: whole(0).optional(),
    },
    'an object such as {"entries": [{"images": 0, "phase": 0}]}',
  )
  .superRefine(({ entries, totalImages }, context) => {
    const refuse = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    if (entries[0] && entries[0].images !== 0) refuse(["entries", 0, "images"], "0 in the first entry");
    for (const [i, { images, phase }] of entries.entries()) {
      const before = entries[i - 1];
      if (!before) continue;
      if (images <= before.images) {
        refuse(["entries", i, "images"], `more than the ${before.images} of the entry before`);
      }
      if (phase !== before.phase && phase !== before.phase + 1) {
        refuse(["entries", i, "phase"], `${before.phase} or ${before.phase + 1}, for phases rise one by one`);
      }
    }
    const last = entries.at(-1)?.images ?? 0;
    if (totalImages !== undefined && totalImages <= last) {
      refuse(["totalImages"], `more than the ${last} of the last entry`);
    }
  });

export type ScheduleFile = z.infer<typeof scheduleFileSchema>;

/**
 * Reads a schedule file.
 * @param path for messages
 * @throws ConfigError naming the first wrong place, what was expected there and what it holds
 */
export function parseScheduleFile(content: string, path: string): ScheduleFile {
  let raw: unknown;
  try {
    raw = parseJson(content);
  } catch (error) {
    throw new ConfigError(`${path}: not JSON (${(error as Error).message}); mend it`, { cause: error });
  }
  const parsed = scheduleFileSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const [issue, ...others] = parsed.error.issues as [z.core.$ZodIssue, ...z.core.$ZodIssue[]];
  const more = others.length === 0 ? "" : ` (and ${others.length} more to mend)`;
  throw new ConfigError(`${path}: ${described(issue, raw)}${more}`);
}

/** entries[2].images: expected ..., got ... */
function described(issue: z.core.$ZodIssue, raw: unknown): string {
  const place = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  const where = place === "" ? "the file" : place.slice(place.startsWith(".") ? 1 : 0);
  if (issue.code === "unrecognized_keys") {
    const known = issue.path[0] === "entries" ? entrySchema.shape : { entries: 0, totalImages: 0, fadeImages: 0 };
    return `${where} has the unknown key "${issue.keys[0]}"; it knows ${Object.keys(known).join(", ")}`;
  }
  const value = issue.path.reduce<unknown>((inner, key) => Object(inner)[key], raw);
  const got = value === undefined ? "nothing" : JSON.stringify(value);
  return `${where}: expected ${issue.message}, got ${got}`;
}

/**
 * The schedule of a file for a run up to `maxPhase`. Entries of higher phases are left out; phases beyond the last entry
 * follow every `imagesPerPhase`; either way the last phase then lasts twice that.
 */
export function scheduleFromFile(file: ScheduleFile, maxPhase: number, imagesPerPhase: number): Schedule {
  const entries = file.entries.filter(({ phase }) => phase <= maxPhase);
  const last = entries.at(-1);
  if (last === undefined) {
    throw new ConfigError(
      `--schedule begins with phase ${file.entries[0]?.phase}, above the last of this --resolution, ${maxPhase}: give a larger --resolution`,
    );
  }
  const starts = entries.filter(({ phase }, i) => phase !== entries[i - 1]?.phase);
  const fade = file.fadeImages ?? imagesPerPhase / 2;
  const phases = starts.map(({ phase, images }, i): SchedulePhase => {
    // A short phase is faded in when it ends.
    const fadeImages = Math.min(fade, (starts[i + 1]?.images ?? Number.POSITIVE_INFINITY) - images);
    return { phase, startImages: images, fadeImages };
  });
  // Beyond the last entry, which keeps its own length.
  for (let images = last.images + imagesPerPhase, phase = last.phase + 1; phase <= maxPhase; phase++) {
    phases.push({ phase, startImages: images, fadeImages: Math.min(fade, imagesPerPhase) });
    images += imagesPerPhase;
  }
  const isWhole = entries.length === file.entries.length;
  const usual = Math.max(last.images, phases.at(-1)?.startImages ?? 0) + 2 * imagesPerPhase;
  const given = isWhole ? file.totalImages : undefined;
  const totalImages = last.phase < maxPhase ? Math.max(given ?? 0, usual) : (given ?? usual);
  const settings = entries.map(({ images, learningRate, margin }) => ({
    startImages: images,
    learningRates: learningRate === undefined ? undefined : bothRates(learningRate),
    margin,
  }));
  return { phases, totalImages, settings };
}

/** One rate for both networks, or one each. */
export const bothRates = (rate: number | LearningRates): LearningRates =>
  typeof rate === "number" ? { encoder: rate, generator: rate } : rate;
