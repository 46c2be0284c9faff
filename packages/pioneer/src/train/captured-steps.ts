// The training step as a CUDA graph (--cuda-graphs): once the same kind of step has come some times it is recorded, and from
// then on launched as one. Fading steps are not: alpha changes with each of them.
import { CudaGraph, keep, noGrad, scope, TorchError, WeightCopies } from "pioneer-torch";
import { mapTensors, tensorsIn } from "../compute/tensor-tree.ts";
import type { Learner } from "../learner/learner.ts";
import type { InputsOf, LossesOf, Objective, ObjectiveTypes, StepSettings } from "../objectives/index.ts";
import { trainStep } from "./step.ts";

/** What records work and launches it again; CudaGraph, or in tests without a GPU something that does the work each time. */
export interface Recorded {
  replay(): void;
  dispose(): void;
}

/** Steps of a kind before it is recorded: cuDNN chooses its convolutions, Adam's moments and held weights come to lie. */
const warmUpSteps = 3;

export class CapturedSteps<O extends ObjectiveTypes> {
  readonly #objective: Objective<O>;
  readonly #learner: Learner;
  readonly #log: (text: string) => void;
  readonly #record: (work: () => void) => Recorded;
  #kind = "";
  #seen = 0;
  #refused = false;
  #step: RecordedStep<O> | undefined;

  /** @param log told where a step could not be recorded: that kind of step is then computed as without graphs */
  constructor(
    objective: Objective<O>,
    learner: Learner,
    log: (text: string) => void,
    record: (work: () => void) => Recorded = (work) => new CudaGraph(work),
  ) {
    this.#objective = objective;
    this.#learner = learner;
    this.#log = log;
    this.#record = record;
  }

  /** Like trainStep(). */
  run(inputs: InputsOf<O>, settings: StepSettings): LossesOf<O> {
    const kind = kindOf(inputs, settings);
    if (kind !== this.#kind) this.#forget(kind);
    const repeats = settings.growth.alpha >= 1 && this.#objective.repeats(this.#learner, inputs);
    if (!repeats || this.#refused || this.#seen++ < warmUpSteps) return this.#computed(inputs, settings);
    this.#step ??= this.#recorded(inputs, settings);
    const step = this.#step;
    if (!step) return this.#computed(inputs, settings);
    const places = tensorsIn(step.inputs);
    noGrad(() => {
      for (const [place, tensor] of tensorsIn(inputs)) places.get(place)?.copy_(tensor);
    });
    return step.launch();
  }

  #computed(inputs: InputsOf<O>, settings: StepSettings): LossesOf<O> {
    return trainStep(this.#objective, this.#learner, inputs, settings);
  }

  #recorded(inputs: InputsOf<O>, settings: StepSettings): RecordedStep<O> | undefined {
    const step = new RecordedStep(inputs, (own) => this.#computed(own, settings));
    try {
      step.record(this.#record);
      return step;
    } catch (error) {
      step.dispose();
      if (!(error instanceof TorchError)) throw error;
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
    this.#step?.dispose();
    this.#step = undefined;
  }
}

/** A step with inputs and losses in places of their own, which stay. */
class RecordedStep<O extends ObjectiveTypes> {
  readonly inputs: InputsOf<O>;
  readonly #compute: (inputs: InputsOf<O>) => LossesOf<O>;
  #graph: Recorded | undefined;
  #losses: LossesOf<O> | undefined;

  constructor(inputs: InputsOf<O>, compute: (inputs: InputsOf<O>) => LossesOf<O>) {
    this.inputs = mapTensors(inputs, (tensor) => keep(tensor.clone()));
    this.#compute = compute;
  }

  record(record: (work: () => void) => Recorded): void {
    this.#graph = record(() =>
      scope(() => {
        this.#freeLosses();
        this.#losses = mapTensors(this.#compute(this.inputs), keep);
      }),
    );
  }

  launch(): LossesOf<O> {
    this.#graph?.replay();
    if (!this.#losses) throw new Error("a step was launched before it was recorded");
    return this.#losses;
  }

  #freeLosses(): void {
    for (const loss of Object.values(this.#losses ?? {})) loss.dispose();
    this.#losses = undefined;
  }

  dispose(): void {
    for (const tensor of tensorsIn(this.inputs).values()) tensor.dispose();
    this.#freeLosses();
    this.#graph?.dispose();
  }
}

/**
 * Steps of one kind launch the same kernels: all that is not a tensor, a rate of Adam or a mean over ranks is the same. Of a
 * place in the schedule only the growth counts: where its phase ends may be planned anew.
 */
function kindOf(inputs: object, settings: StepSettings): string {
  const { shown: _, growth, ...rest } = settings;
  const { phase, alpha } = growth;
  const shapes = [...tensorsIn(inputs)].map(([place, { shape }]) => [place, shape]);
  return JSON.stringify([{ ...rest, phase, alpha }, shapes]);
}
