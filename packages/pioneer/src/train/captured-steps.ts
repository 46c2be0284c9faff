// The training step as a CUDA graph (--cuda-graphs): once the same kind of step has come some times it is recorded, and from
// then on launched as one. Fading steps are not: alpha changes with each of them.
import { CudaGraph, keep, noGrad, scope, TorchError, WeightCopies } from "pioneer-torch";
import type { Learner } from "../learner/learner.ts";
import type { StepInputs, StepLosses, StepSettings } from "../objectives/index.ts";
import { trainStep } from "./step.ts";

/** What records work and launches it again; CudaGraph, or in tests without a GPU something that does the work each time. */
export interface Recorded {
  replay(): void;
  dispose(): void;
}

/** Steps of a kind before it is recorded: cuDNN chooses its convolutions, Adam's moments and held weights come to lie. */
const warmUpSteps = 3;

export class CapturedSteps {
  readonly #learner: Learner;
  readonly #log: (text: string) => void;
  readonly #record: (work: () => void) => Recorded;
  #kind = "";
  #seen = 0;
  #refused = false;
  #step: { readonly graph: Recorded; readonly inputs: StepInputs; losses: StepLosses } | undefined;

  /** @param log told where a step could not be recorded: that kind of step is then computed as without graphs */
  constructor(
    learner: Learner,
    log: (text: string) => void,
    record: (work: () => void) => Recorded = (work) => new CudaGraph(work),
  ) {
    this.#learner = learner;
    this.#log = log;
    this.#record = record;
  }

  /** Like trainStep(). */
  run(inputs: StepInputs, settings: StepSettings): StepLosses {
    const kind = kindOf(inputs, settings);
    if (kind !== this.#kind) this.#forget(kind);
    const { pool } = this.#learner;
    // While the pool fills, what it holds grows.
    const repeats = settings.growth.alpha >= 1 && (!inputs.trades || pool.isFull);
    if (!repeats || this.#refused || this.#seen++ < warmUpSteps) return trainStep(this.#learner, inputs, settings);
    this.#step ??= this.#recorded(inputs, settings);
    const step = this.#step;
    if (!step) return trainStep(this.#learner, inputs, settings);
    noGrad(() => {
      for (const [i, tensor] of tensorsOf(inputs).entries()) tensorsOf(step.inputs)[i]?.copy_(tensor);
    });
    step.graph.replay();
    return step.losses;
  }

  #recorded(inputs: StepInputs, settings: StepSettings) {
    const step = { inputs: copyOf(inputs), losses: {} as StepLosses };
    const work = () =>
      scope(() => {
        for (const loss of Object.values(step.losses)) loss.dispose();
        step.losses = trainStep(this.#learner, step.inputs, settings);
        for (const loss of Object.values(step.losses)) keep(loss);
      });
    try {
      return Object.assign(step, { graph: this.#record(work) });
    } catch (error) {
      if (!(error instanceof TorchError)) throw error;
      for (const tensor of [...tensorsOf(step.inputs), ...Object.values(step.losses)]) tensor.dispose();
      // Copies made while recording were never computed.
      const { generator } = this.#learner;
      generator.copies?.dispose();
      generator.copies = new WeightCopies();
      this.#refused = true;
      this.#log(`--cuda-graphs: this step cannot be recorded, training goes on without (${error.message})`);
      return undefined;
    }
  }

  #forget(kind: string): void {
    this.dispose();
    this.#kind = kind;
    this.#seen = 0;
    this.#refused = false;
  }

  dispose(): void {
    if (!this.#step) return;
    const { graph, inputs, losses } = this.#step;
    for (const tensor of [...tensorsOf(inputs), ...Object.values(losses)]) tensor.dispose();
    graph.dispose();
    this.#step = undefined;
  }
}

/** Steps of one kind launch the same kernels: all that is not a tensor or a rate of Adam. */
const kindOf = (inputs: StepInputs, { growth, precision, encoderOrder, margin = 0 }: StepSettings): string =>
  [growth.phase, growth.alpha, precision, encoderOrder, margin, ...tensorsOf(inputs).map(({ shape }) => shape)].join();

const tensorsOf = ({ x, zEncoder, zGenerator, trades, blend }: StepInputs) => [
  x,
  zEncoder,
  ...zGenerator,
  ...(trades ? [trades.returned, trades.stored] : []),
  ...(blend ? [blend] : []),
];

/** The same inputs in places of their own, which stay. */
function copyOf({ x, zEncoder, zGenerator, trades, blend }: StepInputs): StepInputs {
  return {
    x: keep(x.clone()),
    zEncoder: keep(zEncoder.clone()),
    zGenerator: zGenerator.map((z) => keep(z.clone())),
    ...(trades && { trades: { returned: keep(trades.returned.clone()), stored: keep(trades.stored.clone()) } }),
    ...(blend && { blend: keep(blend.clone()) }),
  };
}
