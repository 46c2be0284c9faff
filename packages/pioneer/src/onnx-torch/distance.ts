// A distance of two images, such as LPIPS, read from the ONNX file of `evaluate --lpips` and computed by libtorch, for its gradient.
import { cat, type Device, gradWhereUsed, noGrad, scope, type Tensor, TorchError, tensor } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import type { ChannelOrder, Range } from "../onnx/choices.ts";
import { adapt, choosePorts, type Input, refusal, trialPictures } from "../onnx/network-ports.ts";
import { asByte } from "../pictures/grid.ts";
import { readGraph, UnsupportedError } from "./graph-file.ts";
import { TorchGraph } from "./torch-graph.ts";

/** How a network wants to be fed where its file does not say so itself. */
export interface DistanceOptions {
  /** The option that names the file, for messages: "--refine-lpips". */
  readonly flag: string;
  readonly range?: Range | undefined;
  readonly channels?: ChannelOrder | undefined;
  /** Output to take; needed where there are several. */
  readonly layer?: string | undefined;
  /** Width and height of the images it will see; it is tried on such. */
  readonly resolution: number;
  readonly device: Device;
}

/** Pixels of the pictures that pass at once: VGG keeps some 4 KB for each until its gradient is there, 600 MB in all. */
const pixelsAtOnce = 32 * 64 ** 2;

/** Distances to given images. */
export interface DistanceTo {
  /**
   * @param made [n, 3, r, r] in [-1, 1], as many as were given; values outside are not clamped
   * @returns [n], float32; gradients pass to `made`
   */
  readonly distance: (made: Tensor) => Tensor;
  readonly dispose: () => void;
}

export class ImageDistance {
  readonly #graph: TorchGraph;
  readonly #input: Input;
  /** Of the given image, and of the one that is made. */
  readonly #names: readonly [string, string];
  readonly #options: DistanceOptions;
  readonly #path: string;
  /** How many pairs it should be asked for at once, 1 to 32, so that memory has a bound at every resolution. */
  readonly atOnce: number;

  private constructor(
    path: string,
    graph: TorchGraph,
    input: Input,
    names: readonly [string, string],
    options: DistanceOptions,
  ) {
    this.#path = path;
    this.#graph = graph;
    this.#input = input;
    this.#names = names;
    this.#options = options;
    this.atOnce = Math.max(1, Math.min(32, Math.floor(pixelsAtOnce / options.resolution ** 2)));
  }

  /**
   * Reads a network of two images and tries it, and its gradient, on two pairs of pictures.
   * @throws DataError if the file cannot be read; ConfigError if it is not such a network, or uses an operator whose gradient is not
   * known here, with its node
   */
  static open(path: string, options: DistanceOptions): ImageDistance {
    const { flag, device } = options;
    return inOneLine(path, options, () => {
      const graph = readGraph(path);
      const { input, output } = choosePorts(path, graph, { ...options, inputs: 2 });
      if (input.bytes) {
        throw new UnsupportedError("it takes bytes, to which no gradient passes: export it with float32 inputs");
      }
      const names = graph.inputs.map(({ name }) => name) as [string, string];
      const torch = TorchGraph.load(graph, output, device);
      const distance = new ImageDistance(path, torch, input, names, options);
      try {
        const unused = names.find((name) => !torch.inputs.has(name));
        if (unused !== undefined) throw refusal(flag, path, `gives ${output} without a look at its input ${unused}`);
        distance.#try(output);
      } catch (error) {
        distance.dispose();
        throw error;
      }
      return distance;
    });
  }

  /**
   * Computes what depends on the given images alone, once.
   * @param images [n, 3, r, r] in [-1, 1], on the device
   * @throws ConfigError if the network takes two images, but not so many
   */
  to(images: Tensor): DistanceTo {
    const [given, wanted] = this.#names;
    const rows = images.size(0);
    const step = this.#input.batch ?? rows;
    const parts: TorchGraph[] = [];
    const dispose = () => {
      for (const part of parts) part.dispose();
    };
    try {
      for (let at = 0; at < rows; at += step) {
        // What its graph needs of these tensors leaves the scope with it.
        const fixed = () => this.#graph.fix(new Map([[given, this.#adapt(images.narrow(0, at, step))]]));
        parts.push(this.#guard(() => noGrad(() => scope(fixed))));
      }
    } catch (error) {
      dispose();
      throw error;
    }
    const compute = (part: TorchGraph, made: Tensor) => {
      const found = part.compute(new Map([[wanted, this.#adapt(made)]]));
      if (found.length === step) return found.reshape([step]);
      throw new UnsupportedError(`it gives [${found.shape.join(", ")}] for ${step} pairs of images, not [pairs]`);
    };
    const distance = (made: Tensor) =>
      this.#guard(() => scope(() => cat(parts.map((part, i) => compute(part, made.narrow(0, i * step, step))))));
    return { distance, dispose };
  }

  /**
   * Distances of pairs of pictures, as files hold them: clamped, 8 bits, which is what `evaluate --lpips` sees.
   * @param images, made  [n, 3, r, r]
   */
  measure(images: Float32Array, made: Float32Array): number[] {
    const { resolution, device } = this.#options;
    const size = 3 * resolution ** 2;
    const part = this.atOnce * size;
    const distances: number[] = [];
    for (let at = 0; at < images.length; at += part) {
      const [a, b] = [images, made].map((all) => Float32Array.from(all.subarray(at, at + part), asByte)) as [
        Float32Array,
        Float32Array,
      ];
      const shape = [a.length / size, 3, resolution, resolution];
      noGrad(() =>
        scope(() => {
          const to = this.to(tensor(a, shape).to(device));
          try {
            distances.push(...to.distance(tensor(b, shape).to(device)).toFloat32Array());
          } finally {
            to.dispose();
          }
        }),
      );
    }
    return distances;
  }

  dispose(): void {
    this.#graph.dispose();
  }

  #guard<T>(work: () => T): T {
    return inOneLine(this.#path, this.#options, work);
  }

  #adapt(images: Tensor): Tensor {
    return adapt(images.add(1).mul(127.5), this.#input);
  }

  #try(output: string): void {
    const { flag, resolution, device } = this.#options;
    const refused = (what: string) => refusal(flag, this.#path, what);
    scope(() => {
      const onDevice = (pictures: Tensor) => pictures.div(127.5).sub(1).to(device);
      const [pictures, flat] = trialPictures(resolution, resolution).map(onDevice) as [Tensor, Tensor];
      const made = pictures.detach().requiresGrad_();
      const to = this.to(flat);
      try {
        const values = to.distance(made);
        const [gradient] = gradWhereUsed(values.sum(), [made]);
        const finite = (x: Tensor) => x.isFinite().all().item() === 1;
        if (!finite(values)) throw refused("gives values that are not finite");
        if (!gradient || !finite(gradient)) throw refused("has no gradient, or one that is not finite");
        const [first, second] = values.toFloat32Array();
        if (first === second) {
          throw refused(
            `gives the same for two different images: is it the right network, and ${output} the right layer?`,
          );
        }
      } finally {
        to.dispose();
      }
    });
  }
}

/** What is not supported, as an error about the option; in a trial, of which images. */
function inOneLine<T>(path: string, { flag, resolution }: DistanceOptions, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
    // What libtorch refuses, it refuses for its sizes.
    const size = error.cause instanceof TorchError ? `, of images of ${resolution}x${resolution} pixels` : "";
    throw new ConfigError(`${flag} ${path}: ${error.message}${size}`, { cause: error });
  }
}
