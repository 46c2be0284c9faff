import { formatDuration, formatRate } from "../../base/format.ts";
import type { PrepareProgress } from "../../data/packing.ts";
import { barOrLines, everyPart } from "./bar-or-lines.ts";
import type { Output } from "./report.ts";

/** Shows how far packing or dumping has come, and how fast it is. */
export interface ImageProgress {
  readonly update: (progress: PrepareProgress) => void;
  readonly stop: () => void;
  /** "22000 images in 41 s, 536 images/s"; of this call's images alone. */
  summary(): string;
}

export function showImages(output: Output): ImageProgress {
  const speed = new Speed();
  const { update, stop } = barOrLines<{ skipped: number; rate: string; left: string }>(output, {
    bar: (done, total, { skipped, rate }) => [counted(done, total, skipped), `${rate} images/s`],
    line: (done, total, { skipped, rate, left }) =>
      `${counted(done, total, skipped)}, ${rate} images/s${done < total ? `, ${left} left` : ""}`,
    due: everyPart(10),
  });
  return {
    update({ done, total, skipped }) {
      const rate = speed.note(done);
      update(done, total, { skipped, rate: formatRate(rate), left: formatDuration((total - done) / rate) });
    },
    stop,
    summary: () => speed.summary(),
  };
}

const counted = (done: number, total: number, skipped: number): string =>
  `${done} of ${total} images${skipped > 0 ? `, ${skipped} skipped` : ""}`;

/** Images in a second, of this call's alone: the first image to come tells how many an earlier call had done. */
class Speed {
  readonly #begun = Date.now();
  #first: number | undefined;
  #last = { at: this.#begun, done: 0 };

  /** @returns images/s until now */
  note(done: number): number {
    this.#first ??= done - 1;
    this.#last = { at: Date.now(), done };
    return (done - this.#first) / this.#seconds;
  }

  get #seconds(): number {
    return Math.max(1e-3, (this.#last.at - this.#begun) / 1000);
  }

  summary(): string {
    const images = this.#last.done - (this.#first ?? this.#last.done);
    const seconds = this.#seconds;
    return `${images} images in ${formatDuration(seconds)}, ${formatRate(images / seconds)} images/s`;
  }
}
