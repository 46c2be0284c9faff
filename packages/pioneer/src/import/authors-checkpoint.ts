// What the authors' program saves: networks, optimisers and place, by their names. Nothing is computed here.
import { CheckpointError } from "../base/errors.ts";
import type { RecipeName } from "../config/recipe.ts";
import { blockCount, Encoder, Generator, type NetworkKind, type NetworkSize } from "../networks/index.ts";
import type { PickleItem } from "../pickle/reader.ts";
import { PickledTensor } from "../pickle/torch.ts";

/** A parameter's part of Adam's state. */
export interface AuthorsAdam {
  /** An integer, or since PyTorch 1.12 a tensor of one number. */
  readonly step: number | PickledTensor;
  readonly secondMoment: PickledTensor;
}

export interface AuthorsOptimiser {
  readonly learningRate: number;
  readonly betas: readonly [number, number];
  /** By parameter; those never moved are missing. */
  readonly state: ReadonlyMap<string, AuthorsAdam>;
}

/** A checkpoint of theirs, checked: every tensor is there and has the shape that it should. */
export interface AuthorsCheckpoint {
  readonly images: number;
  readonly phase: number;
  /** In [0, 1]. */
  readonly alpha: number;
  /** What the layers say. */
  readonly recipe: RecipeName;
  readonly kind: Omit<NetworkKind, "activatedCode">;
  readonly size: NetworkSize;
  /** Parameters by our names, which are theirs without `module.`, in their order. */
  readonly networks: Readonly<Record<"generator" | "encoder" | "generatorEma", ReadonlyMap<string, PickledTensor>>>;
  readonly optimisers: Readonly<Record<"generator" | "encoder", AuthorsOptimiser>>;
}

type Dict = ReadonlyMap<unknown, PickleItem>;

const stateDicts = {
  generator: "G_state_dict",
  encoder: "D_state_dict",
  generatorEma: "G_running_state_dict",
} as const;
const optimisers = { generator: "optimizerG", encoder: "optimizerD" } as const;

/** nn.DataParallel's, before every name. */
const parallelPrefix = "module.";
/** A parameter of the generator that no forward uses. */
const unused = "label_embed.weight";

/**
 * Reads the object of a checkpoint's file.
 * @param path for messages
 * @throws CheckpointError naming what is missing, of another shape or not of these networks
 */
export function readAuthorsCheckpoint(path: string, root: Dict): AuthorsCheckpoint {
  return new Reader(path).read(root);
}

class Reader {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(root: Dict): AuthorsCheckpoint {
    const dicts = {
      generator: this.#stateDict(root, stateDicts.generator),
      encoder: this.#stateDict(root, stateDicts.encoder),
      generatorEma: this.#stateDict(root, stateDicts.generatorEma),
    };
    const { kind, size, recipe } = this.#kindOf(dicts);
    const full: NetworkKind = { ...kind, activatedCode: true };
    this.#checkShapes(stateDicts.generator, dicts.generator, Generator.shapes(size, full));
    this.#checkShapes(stateDicts.generatorEma, dicts.generatorEma, Generator.shapes(size, full));
    this.#checkShapes(stateDicts.encoder, dicts.encoder, Encoder.shapes(size, full));
    const place = this.#place(root);
    const read = (network: "generator" | "encoder") =>
      this.#optimiser(root, optimisers[network], [...(dicts[network] as Map<string, PickledTensor>)]);
    const result = { generator: read("generator"), encoder: read("encoder") };
    for (const dict of [dicts.generator, dicts.generatorEma]) dict.delete(unused);
    return { ...place, recipe, kind, size, networks: dicts, optimisers: result };
  }

  #stateDict(root: Dict, key: string): Map<string, PickledTensor> {
    const found = root.get(key);
    if (!(found instanceof Map) || found.size === 0) throw this.#wrong(`it has no ${key}`);
    const names = [...found.keys()];
    const isParallel = names.every((name) => typeof name === "string" && name.startsWith(parallelPrefix));
    const dict = new Map<string, PickledTensor>();
    for (const [name, value] of found) {
      if (!(value instanceof PickledTensor)) throw this.#wrong(`${key} holds ${shown(name)}, which is no tensor`);
      dict.set(isParallel ? String(name).slice(parallelPrefix.length) : String(name), value);
    }
    return dict;
  }

  /** The layers tell which of the authors' programs made them. */
  #kindOf({ generator, encoder }: { generator: Map<string, PickledTensor>; encoder: Map<string, PickledTensor> }) {
    const first = generator.get("progression.0.conv.0.conv.weight_orig");
    const second = (position: number) => generator.has(`progression.0.conv.${position}.conv.weight_orig`);
    if (first?.shape.length !== 4 || !(second(2) || second(3))) {
      throw this.#wrong(
        "its generator has neither equalised nor spectrally normalised convolutions (the authors' --noSNG without --EQLR)",
      );
    }
    const head = encoder.has("linear.weight");
    const kind = { generatorNorm: second(3) ? "pixel" : "spectral", head } as const;
    const recipe: RecipeName = head ? "gan" : kind.generatorNorm === "pixel" ? "accv2018" : "balanced";
    const [channels, latent] = first.shape as [number, number];
    return { kind, recipe, size: { latent, channels } };
  }

  #checkShapes(key: string, dict: ReadonlyMap<string, PickledTensor>, shapes: ReadonlyMap<string, number[]>): void {
    for (const [name, shape] of shapes) {
      const found = dict.get(name);
      if (!found) throw this.#wrong(`${key} lacks ${name}`);
      if (found.shape.join() !== shape.join()) {
        throw this.#wrong(`${key}: ${name} has shape [${found.shape.join(", ")}], expected [${shape.join(", ")}]`);
      }
      if (!found.storage.dtype.includes("float")) throw this.#wrong(`${key}: ${name} is of ${found.storage.dtype}`);
    }
    const strange = [...dict.keys()].find((name) => !shapes.has(name) && name !== unused);
    if (strange !== undefined) throw this.#wrong(`${key} holds ${shown(strange)}, which no PIONEER network has`);
  }

  #place(root: Dict): { images: number; phase: number; alpha: number } {
    const whole = (key: string, max: number) => {
      const value = root.get(key);
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
      throw this.#wrong(`its ${key} is ${shown(value)}, expected a whole number from 0 to ${max}`);
    };
    const alpha = root.get("alpha");
    if (typeof alpha !== "number" || !(alpha <= 1)) {
      throw this.#wrong(`its alpha is ${shown(alpha)}, expected a number up to 1`);
    }
    return {
      images: whole("iteration", 1e12),
      phase: whole("phase", blockCount - 1),
      // Below 0 the authors' networks do not blend, as at 1.
      alpha: alpha < 0 ? 1 : alpha,
    };
  }

  /** @param parameters of the network in its order: optimisers know them by place */
  #optimiser(root: Dict, key: string, parameters: readonly [string, PickledTensor][]): AuthorsOptimiser {
    const found = root.get(key);
    const groups = found instanceof Map ? found.get("param_groups") : undefined;
    const states = found instanceof Map ? found.get("state") : undefined;
    const group = Array.isArray(groups) && groups.length === 1 ? groups[0] : undefined;
    const ids = group instanceof Map ? group.get("params") : undefined;
    if (!(group instanceof Map) || !(states instanceof Map) || !Array.isArray(ids)) {
      throw this.#wrong(`${key} is not the state of one optimiser of PyTorch`);
    }
    if (ids.length !== parameters.length) {
      throw this.#wrong(`${key} is of ${ids.length} parameters, its network has ${parameters.length}`);
    }
    const state = new Map<string, AuthorsAdam>();
    for (const [i, [name, parameter]] of parameters.entries()) {
      const own = states.get(ids[i] as string);
      if (own === undefined || name === unused) continue;
      state.set(name, this.#adam(`${key} of ${name}`, own, parameter));
    }
    const lr = group.get("lr");
    const betas = group.get("betas");
    const [beta1, beta2] = Array.isArray(betas) ? betas : [];
    if (typeof lr !== "number" || !(lr > 0 && lr <= 1)) throw this.#wrong(`${key} has learning rate ${shown(lr)}`);
    if (typeof beta1 !== "number" || typeof beta2 !== "number") throw this.#wrong(`${key} has no betas: is it Adam's?`);
    return { learningRate: lr, betas: [beta1, beta2], state };
  }

  #adam(what: string, state: PickleItem, { shape }: PickledTensor): AuthorsAdam {
    const step = state instanceof Map ? state.get("step") : undefined;
    const secondMoment = state instanceof Map ? state.get("exp_avg_sq") : undefined;
    if (!(secondMoment instanceof PickledTensor) || secondMoment.shape.join() !== shape.join()) {
      throw this.#wrong(`${what}: expected exp_avg_sq of shape [${shape.join(", ")}]`);
    }
    const isCount = typeof step === "number" && Number.isSafeInteger(step) && step >= 0;
    const isOne = step instanceof PickledTensor && step.shape.every((size) => size === 1) && step.storage.length > 0;
    if (!isCount && !isOne) throw this.#wrong(`${what}: expected a step count, got ${shown(step)}`);
    return { step: step as number | PickledTensor, secondMoment };
  }

  #wrong(reason: string): CheckpointError {
    return new CheckpointError(`${this.#path} is not a checkpoint of the authors' program: ${reason}`);
  }
}

function shown(value: unknown): string {
  const text = typeof value === "string" || typeof value === "number" ? JSON.stringify(value) : typeof value;
  return value === undefined ? "missing" : text.slice(0, 60);
}
