import cliProgress from "cli-progress";
import { formatDuration, formatKimg, formatRate } from "../../base/format.ts";
import { printable } from "../../base/printable.ts";
import type { TickEvent, TrainEvent, TrainReporter } from "../../train/events.ts";
import { formatEvent, formatLosses } from "../../train/progress-line.ts";
import { barLine } from "./bar-line.ts";
import { barStyle } from "./bar-or-lines.ts";
import type { Output } from "./report.ts";

/** Shows a run on the terminal. */
export interface TrainDisplay {
  readonly report: TrainReporter;
  /** Takes the bars away; to be called however the run ends, for their timer keeps the process alive. */
  readonly stop: () => void;
}

/** Bars on a terminal, one line per tick elsewhere. */
export function createTrainDisplay(output: Output): TrainDisplay {
  const bars = output.stream.isTTY ? new TrainBars(output.stream) : undefined;
  const log = (line: string) => (bars ? bars.log(line) : output.log(line));
  const report = (event: TrainEvent) => {
    if (bars && event.kind === "tick") return bars.update(event);
    if (event.kind !== "end") return log(formatEvent(event));
    bars?.stop();
    output.log(formatEvent(event));
    if (event.continueCommand !== undefined) output.log(`go on with: ${event.continueCommand}`);
  };
  return { report, stop: () => bars?.stop() };
}

/** What a bar of a run is drawn of. */
interface RunPart {
  readonly left: number;
  readonly rest: readonly string[];
}

const barNamed =
  (name: string): cliProgress.GenericFormatter =>
  (_, { progress, maxWidth }, { left = Number.NaN, rest = [] }: Partial<RunPart>) =>
    barLine(maxWidth, { name, left: `${formatDuration(left)} left`, done: progress, rest });

/** Three lines that stay at the bottom: this phase, the whole run, the losses; what is logged goes above them. */
class TrainBars {
  readonly #stream: NodeJS.WriteStream;
  readonly #bars: cliProgress.MultiBar;
  #stopped = false;
  #lines: { phase: cliProgress.SingleBar; run: cliProgress.SingleBar; losses: cliProgress.SingleBar } | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // With "linewrap" the library cuts the bars, and the terminal goes on to break what is logged.
    this.#bars = new cliProgress.MultiBar({ ...barStyle(stream), linewrap: true, emptyOnZero: true });
  }

  log(line: string): void {
    // Above the bars once there are some; the library's own log waits for them.
    // What is left of a bar that was there is cleared.
    if (this.#lines) this.#bars.log(`${printable(line)}\x1b[K\n`);
    else this.#stream.write(`${printable(line)}\n`);
  }

  update(tick: TickEvent): void {
    this.#lines ??= {
      phase: this.#bars.create(1, 0, {}, { format: barNamed("phase ") }),
      run: this.#bars.create(1, 0, {}, { format: barNamed("run   ") }),
      losses: this.#bars.create(1, 0, {}, { format: (_, __, { text }: { text?: string }) => text ?? "" }),
    };
    const { phase, run, losses } = this.#lines;
    const size = `${tick.resolution}x${tick.resolution}`;
    phase.setTotal(tick.phaseEndImages - tick.phaseStartImages);
    phase.update(tick.images - tick.phaseStartImages, {
      left: tick.etaPhaseSeconds,
      rest: [size, `alpha ${tick.alpha.toFixed(3)}`],
    });
    run.setTotal(tick.totalImages);
    run.update(tick.images, {
      left: tick.etaRunSeconds,
      rest: [
        `${formatRate(tick.imagesPerSecond)} img/s`,
        `${formatKimg(tick.images)} of ${formatKimg(tick.totalImages)} kimg`,
      ],
    });
    losses.update(0, { text: formatLosses(tick) });
  }

  /** Once; the library draws empty lines when asked again. */
  stop(): void {
    if (this.#stopped) return;
    // What was logged since the last drawing is drawn first: stop() would drop it.
    this.#bars.update();
    this.#bars.stop();
    this.#stopped = true;
  }
}
