// The training step as a CUDA graph (--cuda-graphs): once the same kind of step has come some times it is recorded, and from
// then on launched as one. Fading steps are not: alpha changes with each of them.
import { CudaGraph, keep, noGrad, scope } from "pioneer-torch";
import type { Learner } from "./learner.ts";
import { type StepInputs, type StepLosses, type StepSettings, trainStep } from "./step.ts";

/** What records work and launches it again; CudaGraph, or in tests without a GPU something that does the work each time. */
export interface Recorded {
  replay(): void;
  dispose(): void;
}

/** Steps of a kind before it is recorded: cuDNN chooses its convolutions, Adam's moments and held weights come to lie. */
const warmUpSteps = 3;

export class CapturedSteps {
  readonly #learner: Learner;
  readonly #record: (work: () => void) => Recorded;
  #kind = "";
  #seen = 0;
  #step: { readonly graph: Recorded; readonly inputs: StepInputs; losses: StepLosses } | undefined;

  constructor(learner: Learner, record: (work: () => void) => Recorded = (work) => new CudaGraph(work)) {
    this.#learner = learner;
    this.#record = record;
  }

  /** Like trainStep(). */
  run(inputs: StepInputs, settings: StepSettings): StepLosses {
    const kind = kindOf(inputs, settings);
    if (kind !== this.#kind) this.#forget(kind);
    const { pool } = this.#learner;
    // While the pool fills, what it holds grows.
    const repeats = settings.growth.alpha >= 1 && (!inputs.trades || pool.isFull);
    if (!repeats || this.#seen++ < warmUpSteps) return trainStep(this.#learner, inputs, settings);
    this.#step ??= this.#recorded(inputs, settings);
    const step = this.#step;
    noGrad(() => {
      for (const [i, tensor] of tensorsOf(inputs).entries()) tensorsOf(step.inputs)[i]?.copy_(tensor);
    });
    step.graph.replay();
    return step.losses;
  }

  #recorded(inputs: StepInputs, settings: StepSettings) {
    const step = { inputs: copyOf(inputs), losses: {} as StepLosses };
    const graph = this.#record(() =>
      scope(() => {
        for (const loss of Object.values(step.losses)) loss.dispose();
        step.losses = trainStep(this.#learner, step.inputs, settings);
        for (const loss of Object.values(step.losses)) keep(loss);
      }),
    );
    return Object.assign(step, { graph });
  }

  #forget(kind: string): void {
    this.dispose();
    this.#kind = kind;
    this.#seen = 0;
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
