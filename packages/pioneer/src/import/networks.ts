// Tensors of the authors' files as networks and optimiser states of ours.
import { setImmediate } from "node:timers/promises";
import { type AdamState, keep, scope, type Tensor } from "pioneer-torch";
import { CheckpointError } from "../base/errors.ts";
import type { Trained } from "../learner/learner.ts";
import { Encoder, Generator, type NetworkKind } from "../networks/index.ts";
import type { PickledTensor } from "../pickle/torch.ts";
import type { AuthorsCheckpoint } from "./authors-checkpoint.ts";
import type { AuthorsSpectral } from "./authors-files.ts";
import { exactU } from "./exact-u.ts";
import type { TorchFile } from "./torch-file.ts";

/** Told after every tensor: bytes done of bytes in all. It may end the work by throwing. */
export type OnLoaded = (done: number, total: number) => void;

/** A small file may say that all its tensors are views of the same numbers, as tests do; a large one has no reason to. */
const freeBytes = 64 * 2 ** 20;

type Parameters = ReadonlyMap<string, PickledTensor>;

/** The networks that have u, in the order in which the authors' program makes them. */
const order = ["generator", "generatorEma", "encoder"] as const;

/**
 * Loads one tensor after the other; what it has made is freed by dispose(), also where it was stopped half way.
 */
export class NetworkLoader {
  readonly #file: TorchFile;
  readonly #content: AuthorsCheckpoint;
  readonly #spectral: AuthorsSpectral | undefined;
  readonly #onLoaded: OnLoaded;
  readonly #total: number;
  #done = 0;
  readonly #made: { dispose(): void }[] = [];

  /**
   * @param spectral the authors' u; without it u is the exact one
   * @throws CheckpointError where the tensors are larger than the file, or u does not belong to the networks
   */
  constructor(
    file: TorchFile,
    content: AuthorsCheckpoint,
    spectral: AuthorsSpectral | undefined,
    onLoaded: OnLoaded = () => undefined,
  ) {
    this.#file = file;
    this.#content = content;
    this.#spectral = spectral;
    this.#onLoaded = onLoaded;
    const parameters = Object.values(content.networks).flatMap((dict) => [...dict.values()]);
    const moments = Object.values(content.optimisers).flatMap(({ state }) => [...state.values()]);
    this.#total = [...parameters, ...moments.map(({ secondMoment }) => secondMoment)].reduce(
      (sum, tensor) => sum + file.size(tensor),
      0,
    );
    if (this.#total > Math.max(freeBytes, file.bytes)) {
      throw new CheckpointError(
        `${file.path} says that it holds ${this.#total} bytes of tensors, and has ${file.bytes}: it may come from someone who means harm`,
      );
    }
    if (spectral) this.#checkSpectral(spectral);
  }

  async networks(kind: NetworkKind): Promise<{ generator: Generator; encoder: Encoder; generatorEma: Generator }> {
    const generatorOf = (tensors: ReadonlyMap<string, Tensor>) => Generator.from(tensors, "", kind);
    return {
      generator: await this.#network("generator", generatorOf),
      generatorEma: await this.#network("generatorEma", generatorOf),
      encoder: await this.#network("encoder", (tensors) => Encoder.from(tensors, "", kind)),
    };
  }

  /** Adam's second moments and steps; the first moments, with beta1 = 0 the last gradients, are of no use. */
  async adam(network: Trained): Promise<Map<string, AdamState>> {
    const states = new Map<string, AdamState>();
    for (const [name, { step, secondMoment }] of this.#content.optimisers[network].state) {
      const steps = typeof step === "number" ? step : scope(() => this.#file.load(step).item());
      if (!Number.isSafeInteger(steps) || steps < 0) throw this.#wrong(`the step count of ${name} is ${steps}`);
      const moment = await this.#load(`exp_avg_sq of ${name}`, secondMoment);
      states.set(name, { step: steps, firstMoment: undefined, secondMoment: moment });
    }
    return states;
  }

  dispose(): void {
    for (const made of this.#made.splice(0)) made.dispose();
  }

  async #network<T extends { dispose(): void }>(
    name: (typeof order)[number],
    build: (tensors: ReadonlyMap<string, Tensor>) => T,
  ): Promise<T> {
    const tensors = new Map<string, Tensor>();
    try {
      const parameters = this.#content.networks[name];
      for (const [key, pickled] of parameters) tensors.set(key, await this.#load(key, pickled));
      for (const key of this.#spectralLayers(name)) {
        tensors.set(`${key}.weight_u`, this.#u(name, key, tensors.get(`${key}.weight_orig`) as Tensor));
        await setImmediate();
      }
      const network = build(tensors);
      this.#made.push(network);
      return network;
    } finally {
      for (const tensor of tensors.values()) tensor.dispose();
    }
  }

  async #load(name: string, pickled: PickledTensor): Promise<Tensor> {
    const tensor = scope(() => keep(this.#file.load(pickled).to("float32")));
    this.#made.push(tensor);
    if (scope(() => tensor.isFinite().all().item()) === 0)
      throw this.#wrong(`${name} holds numbers that are not finite`);
    this.#done += this.#file.size(pickled);
    this.#onLoaded(this.#done, this.#total);
    await setImmediate(); // lets signals and progress in
    return tensor;
  }

  #u(network: (typeof order)[number], layer: string, weight: Tensor): Tensor {
    const found = this.#spectral?.u[this.#spectralPlaces().indexOf(`${network}.${layer}`)];
    if (!this.#spectral || !found) return keep(exactU(weight));
    const { file } = this.#spectral;
    const u = scope(() => keep(file.load(found).to("float32")));
    if (scope(() => u.isFinite().all().item()) === 1 && scope(() => u.norm().item()) > 0) return u;
    u.dispose();
    throw new CheckpointError(`${file.path}: u of ${network}.${layer} is zero or not finite; leave the file out`);
  }

  #checkSpectral({ file, u }: AuthorsSpectral): void {
    const places = this.#spectralPlaces();
    if (u.length !== places.length) {
      throw new CheckpointError(
        `${file.path} holds u of ${u.length} spectral norms, the networks of ${this.#file.path} have ${places.length}`,
      );
    }
    for (const [i, place] of places.entries()) {
      const [network, ...layer] = place.split(".");
      const parameters: Parameters = this.#content.networks[network as (typeof order)[number]];
      const out = parameters.get(`${layer.join(".")}.weight_orig`)?.shape[0];
      const shape = (u[i] as PickledTensor).shape;
      if (shape.length === 2 && shape[0] === out && shape[1] === 1) continue;
      throw new CheckpointError(
        `${file.path}: u of ${place} has shape [${shape.join(", ")}], expected [${out}, 1]: is it of another checkpoint?`,
      );
    }
  }

  #spectralPlaces(): string[] {
    return order.flatMap((network) => this.#spectralLayers(network).map((layer) => `${network}.${layer}`));
  }

  #spectralLayers(network: (typeof order)[number]): string[] {
    if (network !== "encoder" && this.#content.kind.generatorNorm === "pixel") return [];
    return [...this.#content.networks[network].keys()]
      .filter((name) => name.endsWith(".weight_orig"))
      .map((name) => name.slice(0, -".weight_orig".length));
  }

  #wrong(reason: string): CheckpointError {
    return new CheckpointError(`${this.#file.path} is damaged, or of a run that diverged: ${reason}`);
  }
}
