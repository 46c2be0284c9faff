// Whether ONNX Runtime makes of a written file what libtorch makes of the network.
import { PioneerError } from "../base/errors.ts";
import type { Feed } from "../onnx/protocol.ts";
import { OnnxError, OnnxSession } from "../onnx/session.ts";
import type { WeightFormat } from "./graph-builder.ts";

/** What may differ, root mean square relative to the output's: rounding in fp32, rounding of weights in the others. */
const allowed: Record<WeightFormat, number> = { fp32: 1e-4, fp16: 0.03, int8: 0.3 };

export interface Ports {
  readonly file: string;
  readonly input: string;
  readonly output: string;
}

/** Rows in, rows out. */
export interface Sample {
  readonly count: number;
  readonly input: Float32Array;
  /** Of one row. */
  readonly inputShape: readonly number[];
  /** What libtorch makes of the input. */
  readonly expected: Float32Array;
}

export interface Difference {
  /** Largest difference. */
  readonly largest: number;
  /** Root mean square of the difference over that of what was expected. */
  readonly relative: number;
}

/**
 * Opens the file in ONNX Runtime, in a process of its own, and compares it on a batch and on its first row alone.
 * @throws PioneerError if ONNX Runtime does not know the file, or the numbers differ
 */
export async function checkFile(
  path: string,
  ports: Ports,
  sample: Sample,
  format: WeightFormat,
  threads: number,
): Promise<Difference> {
  const session = await openSession(path, threads);
  try {
    const names = [session.inputs, session.outputs].map((all) => all.map(({ name }) => name).join());
    if (names[0] !== ports.input || names[1] !== ports.output) {
      throw wrong(path, `it has the ports ${names.join(" -> ")}, not ${ports.input} -> ${ports.output}`);
    }
    const worst = { largest: 0, relative: 0 };
    for (const count of [sample.count, 1]) {
      const rows = (values: Float32Array) => values.slice(0, (values.length / sample.count) * count);
      const feed: Feed = { name: ports.input, data: rows(sample.input), shape: [count, ...sample.inputShape] };
      const { data } = await session.run([feed], ports.output);
      const { largest, relative } = differenceOf(data, rows(sample.expected));
      if (!(relative <= allowed[format])) {
        throw wrong(path, `it differs from libtorch by ${relative.toExponential(1)} of the output (batch ${count})`);
      }
      worst.largest = Math.max(worst.largest, largest);
      worst.relative = Math.max(worst.relative, relative);
    }
    return worst;
  } catch (error) {
    if (error instanceof OnnxError) throw wrong(path, error.message);
    throw error;
  } finally {
    session.close();
  }
}

/** @throws PioneerError if ONNX Runtime is not there, or does not know the file */
export async function openSession(path: string, threads: number): Promise<OnnxSession> {
  return OnnxSession.open(path, { threads }).catch((error: unknown) => {
    if (!(error instanceof OnnxError)) throw error;
    if (error.missing) throw new PioneerError("ONNX", `ONNX Runtime is needed: ${error.message}`);
    throw wrong(path, error.message);
  });
}

export function differenceOf(got: Float32Array, expected: Float32Array): Difference {
  if (got.length !== expected.length) return { largest: Number.POSITIVE_INFINITY, relative: Number.POSITIVE_INFINITY };
  let [largest, squares, total] = [0, 0, 0];
  for (const [i, value] of expected.entries()) {
    const difference = Math.abs((got[i] as number) - value);
    // NaN must not get lost in a maximum.
    if (!(difference <= largest)) largest = difference;
    squares += difference ** 2;
    total += value ** 2;
  }
  return { largest, relative: squares === 0 ? 0 : Math.sqrt(squares / total) };
}

const wrong = (path: string, what: string) =>
  new PioneerError(
    "EXPORT",
    `${path} is not what libtorch computes: ${what}; please report this with the run's config.json`,
  );
