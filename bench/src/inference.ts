// Encoding and decoding as openModel() does it: float32, weights prepared in each call, typed array in, typed array out.
import {
  chooseComputing,
  createLearner,
  disposeLearner,
  drawLatents,
  resolutionOf,
  useComputing,
  type WantedComputing,
} from "pioneer-networks/torch";
import { noGrad, RandomGenerator, rand, scope, type Tensor, tensor } from "pioneer-torch";
import { medianOf, type Spread, spreadOf } from "./spread.ts";
import { peakRssMiB, secondsOf } from "./step.ts";
import { recipe, type Workload } from "./workload.ts";

export interface DirectionTiming {
  /** One image: median, fastest and slowest. */
  readonly latencyMs: Spread;
  /** In batches. */
  readonly imagesPerSecond: number;
}

export interface InferenceTiming {
  readonly encode: DirectionTiming;
  readonly decode: DirectionTiming;
  readonly peakRssMiB: number;
}

const least = { runs: 5, seconds: 1 };

/** In float32. @param wanted threads, and convolutions: "auto" are those that models take */
export function timeInference(
  { phase, batch, n }: Workload,
  { threads, convolutions }: Pick<WantedComputing, "threads" | "convolutions">,
): InferenceTiming {
  useComputing(chooseComputing({ device: "cpu", precision: "fp32", convolutions, threads }));
  const random = new RandomGenerator(0);
  const learner = createLearner(recipe, { latent: n, channels: n }, 0.001, random);
  const growth = { phase, alpha: 1 };
  const r = resolutionOf(phase);
  const calls = {
    encode: {
      input: (count: number) => rand([count, 3, r, r], random, -1, 1),
      network: (x: Tensor) => learner.encoder.prepare(growth, "fp32", "keep")(x),
    },
    decode: {
      input: (count: number) => drawLatents(count, n, random),
      network: (z: Tensor) => learner.generatorEma.prepare(growth, "fp32")(z),
    },
  };
  const direction = ({ input, network }: (typeof calls)["encode"]): DirectionTiming => {
    const seconds = (count: number) => {
      const values = scope(() => input(count).toFloat32Array());
      const shape = scope(() => input(count).shape);
      const call = () => void noGrad(() => scope(() => network(tensor(values, shape)).toFloat32Array()));
      call();
      return repeated(() => secondsOf(call));
    };
    return {
      latencyMs: spreadOf(seconds(1).map((value) => 1000 * value)),
      imagesPerSecond: batch / medianOf(seconds(batch)),
    };
  };
  const [encode, decode] = [direction(calls.encode), direction(calls.decode)];
  disposeLearner(learner);
  return { encode, decode, peakRssMiB: peakRssMiB() };
}

function repeated(measure: () => number): number[] {
  const values: number[] = [];
  for (let total = 0; values.length < least.runs || total < least.seconds; total += values.at(-1) as number)
    values.push(measure());
  return values;
}
