// What a run writes about itself: log.txt for people, stats.jsonl and metrics.jsonl for machines, tb/ for TensorBoard.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { refusalOf } from "../base/disk.ts";
import { printable } from "../base/printable.ts";
import { readTextSync } from "../base/read.ts";
import { appendWhole, replaceFile } from "../base/write.ts";
import { checkHeld, statsFile } from "../checkpoint/run-folder.ts";
import { shown } from "../config/option-schema.ts";
import { appendMetrics, type MetricsRecord, metricsFile } from "../metrics/record.ts";
import { scalarsOf, tensorboardFolder } from "./evaluated.ts";
import type { Health, TickEvent, TrainEvent, TrainReporter } from "./events.ts";
import { formatEvent, snakeCase } from "./progress-line.ts";
import { type TensorboardImage, TensorboardWriter } from "./tensorboard.ts";

export class Recorder {
  readonly #run: string;
  readonly #tensorboard: TensorboardWriter;
  readonly #pass: TrainReporter;
  /** Images at the last measurement that was written. */
  #healthAt: number | undefined;
  /** Files that could not be written, and of which that was told. */
  readonly #refused = new Set<string>();

  /**
   * @param images where the run goes on; what an earlier session noted beyond that is taken out
   * @param pass   told every event after it is written down
   */
  constructor(run: string, images: number, pass: TrainReporter) {
    this.#run = run;
    this.#pass = pass;
    keepLinesUpTo(join(run, statsFile), images);
    keepLinesUpTo(metricsFile(run), images);
    this.#tensorboard = new TensorboardWriter(tensorboardFolder(run), images);
  }

  report(event: TrainEvent): void {
    if (event.kind === "tick") this.#tick(event);
    this.note(formatEvent(event));
    this.#pass(event);
  }

  /** A line of log.txt, which nobody else is told. */
  note(line: string): void {
    this.#add("log.txt", `${new Date().toISOString()} ${printable(line)}\n`);
  }

  /** What the run was told to do, as a table under Text. */
  options(images: number, options: Readonly<Record<string, unknown>>): void {
    const rows = Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `| ${name} | \`${shown(value)}\` |`);
    const table = ["| option | |", "|---|---|", ...rows].join("\n");
    this.#attempt("tb", () => this.#tensorboard.text(images, "options", table));
  }

  image(images: number, tag: string, picture: TensorboardImage): void {
    this.#attempt("tb", () => this.#tensorboard.image(images, tag, picture));
  }

  /** A line of metrics.jsonl, the same in TensorBoard. */
  metrics(record: MetricsRecord): void {
    appendMetrics(this.#run, record);
    this.#attempt("tb", () => this.#tensorboard.scalars(record.images, scalarsOf(record)));
  }

  #tick(tick: TickEvent): void {
    const { kind: _, ...values } = tick;
    this.#add(statsFile, `${JSON.stringify(values)}\n`);
    const losses = Object.entries(tick.losses).map(([name, value]) => [`loss/${snakeCase(name)}`, value] as const);
    const scalars = {
      ...Object.fromEntries(losses),
      ...(tick.cosine !== undefined && { cosine: tick.cosine }),
      "growth/alpha": tick.alpha,
      "growth/lod": tick.phase + tick.alpha,
      "speed/images_per_second": tick.imagesPerSecond,
      "speed/rss_mib": tick.rssMiB,
    };
    this.#attempt("tb", () => this.#tensorboard.scalars(tick.images, scalars));
    if (tick.health) this.#health(tick.health);
  }

  /** Once, where it was measured: many lines tell of the same. */
  #health({ images, l1, spread, cosine, variety }: Health): void {
    if (images === this.#healthAt) return;
    this.#healthAt = images;
    const scalars = { "health/l1": l1, "health/spread": spread, "health/cosine": cosine, "health/variety": variety };
    this.#attempt("tb", () => this.#tensorboard.scalars(images, scalars));
  }

  #add(file: string, text: string): void {
    this.#attempt(file, () => appendWhole(join(this.#run, file), text));
  }

  /** A disk that refuses a line of a record is no reason to stop training: it is told once for each file. */
  #attempt(file: string, write: () => void): void {
    checkHeld(this.#run);
    try {
      write();
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined) throw error;
      if (this.#refused.has(file)) return;
      this.#refused.add(file);
      this.#pass({ kind: "log", text: `${join(this.#run, file)} is not written (${refusal}); training goes on` });
    }
  }

  close(): void {
    this.#tensorboard.close();
  }
}

/** What a run is told to note. */
export type Recording = Pick<Recorder, "report" | "note" | "options" | "image" | "metrics" | "close">;

/** Of several processes that train one run, all but the first. */
export const noRecording: Recording = {
  report: () => undefined,
  note: () => undefined,
  options: () => undefined,
  image: () => undefined,
  metrics: () => undefined,
  close: () => undefined,
};

/** Drops lines of a later image count, and one that a killed process cut off. */
function keepLinesUpTo(path: string, images: number): void {
  if (!existsSync(path)) return;
  const kept = readTextSync(path)
    .split("\n")
    .filter((line) => {
      try {
        return (JSON.parse(line) as { images: number }).images <= images;
      } catch {
        return false;
      }
    });
  replaceFile(path, kept.map((line) => `${line}\n`).join(""));
}
