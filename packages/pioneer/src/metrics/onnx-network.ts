import { accessSync, constants } from "node:fs";
import { scope, type Tensor, tensor } from "pioneer-torch";
import { diskError } from "../base/disk.ts";
import { type ConfigError, DataError, PioneerError } from "../base/errors.ts";
import { round } from "../compute/operators.ts";
import { readOnnxMetadata } from "../onnx/metadata.ts";
import { adapt, choosePorts, type Input, type PortOptions, refusal, trialPictures } from "../onnx/network-ports.ts";
import type { Feed, Port } from "../onnx/protocol.ts";
import { OnnxError, OnnxSession } from "../onnx/session.ts";

/** How a network wants to be fed where its file does not say so itself. */
export interface NetworkOptions extends PortOptions {
  readonly threads: number;
}

/**
 * An ONNX network in a process of its own: pictures in, numbers out. What it must be fed with is read from the file: size,
 * layout and type from its input, range and channel order from its metadata ("pioneer.range", "pioneer.channels") or the options.
 */
export class OnnxNetwork {
  readonly path: string;
  readonly #options: NetworkOptions;
  readonly #session: OnnxSession;
  #names: readonly string[] = [];
  #output = "";
  #input: Input | undefined;
  #width = 0;

  private constructor(path: string, options: NetworkOptions, session: OnnxSession) {
    this.path = path;
    this.#options = options;
    this.#session = session;
  }

  /**
   * Opens a network and tries it on two pictures.
   * @throws DataError if the file cannot be read; ConfigError if it is not a network that can be fed with pictures
   */
  static async open(path: string, options: NetworkOptions): Promise<OnnxNetwork> {
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      throw diskError(error, path);
    }
    const session = await OnnxSession.open(path, options).catch((error: unknown) => {
      throw worded(
        error,
        options.flag,
        (message) =>
          `${path} is not an ONNX network, or one that ONNX Runtime does not know (${message}): export it again`,
      );
    });
    const network = new OnnxNetwork(path, options, session);
    try {
      network.#connect(session.inputs, session.outputs);
      await network.#try();
      return network;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  /** Values for each picture (of each pair): the network's dimensions of features, or 1. */
  get width(): number {
    return this.#width;
  }

  /**
   * @param pictures one tensor for each input, [n, 3, r, r], 0 to 255; resized (bilinear, antialiased) where the network wants
   * @returns [n, width], float32
   */
  async compute(...pictures: Tensor[]): Promise<Tensor> {
    const [n, input] = [(pictures[0] as Tensor).size(0), this.#input as Input];
    const step = input.batch ?? n;
    const values = new Float32Array(n * this.#width);
    for (let at = 0; at < n; at += step) {
      const parts = scope(() => pictures.map((all) => prepare(all.narrow(0, at, step), input)));
      const { data } = await this.#run(parts);
      values.set(data, at * this.#width);
    }
    return tensor(values, [n, this.#width]);
  }

  close(): void {
    this.#session.close();
  }

  async #run(parts: readonly Omit<Feed, "name">[]): Promise<{ data: Float32Array; shape: readonly number[] }> {
    const feeds = parts.map((part, i) => ({ ...part, name: this.#names[i] as string }));
    return this.#session.run(feeds, this.#output).catch((error: unknown) => {
      throw worded(error, this.#options.flag, (message) => `${this.path} failed: ${message}`);
    });
  }

  /** Compares what the file declares with what we can feed. */
  #connect(inputs: readonly Port[], outputs: readonly Port[]): void {
    const chosen = choosePorts(this.path, { inputs, outputs, metadata: readOnnxMetadata(this.path) }, this.#options);
    this.#input = chosen.input;
    this.#names = inputs.map(({ name }) => name);
    this.#output = chosen.output;
  }

  /** One black picture with a white half, one of grey noise; a network of pictures tells them apart. */
  async #try(): Promise<void> {
    const input = this.#input as Input;
    const [height, width] = input.size ?? [64, 64];
    const trial = trialPictures(height, width);
    const step = input.batch ?? 2;
    const results: number[][] = [];
    for (let at = 0; at < 2; at += step) {
      const parts = scope(() => trial.map((all) => prepare(all.narrow(0, at, step), input)));
      const { data, shape } = await this.#run(parts.slice(0, this.#options.inputs));
      const size = data.length / step;
      const extra = shape.slice(this.#options.inputs === 1 ? 2 : 1);
      if (shape[0] !== step || extra.some((length) => length !== 1)) {
        const good = this.#options.inputs === 1 ? "[images, features]" : "[pairs]";
        const mend =
          this.#options.inputs === 1 ? `; choose a layer after the last pooling by ${this.#options.flag}-layer` : "";
        throw this.#refused(`gives [${shape.join(", ")}] for ${step} images, not ${good}${mend}`);
      }
      this.#width = size;
      for (let i = 0; i < step; i++) results.push([...data.subarray(i * size, (i + 1) * size)]);
    }
    for (const used of trial) used.dispose();
    const [first = [], second = []] = results;
    if (![...first, ...second].every(Number.isFinite)) throw this.#refused("gives values that are not finite");
    if (first.every((value, i) => value === second[i])) {
      throw this.#refused(
        `gives the same for two different images: is it the right network, and ${this.#output} the right layer?`,
      );
    }
  }

  #refused(what: string): ConfigError {
    return refusal(this.#options.flag, this.path, what);
  }
}

/** Pictures as ONNX Runtime takes them. */
function prepare(pictures: Tensor, input: Input): Omit<Feed, "name"> {
  return scope(() => {
    const x = adapt(pictures.to("float32"), input);
    const shape = [...x.shape];
    if (!input.bytes) return { data: x.toFloat32Array(), shape };
    return { data: round(x.clamp(0, 255)).to("uint8").toTypedArray() as Uint8Array, shape };
  });
}

/** What ONNX Runtime says, as an error about the option. */
function worded(error: unknown, flag: string, say: (message: string) => string): unknown {
  if (!(error instanceof OnnxError)) return error;
  if (error.missing) return new PioneerError("ONNX", `${flag} needs ONNX Runtime: ${error.message}`);
  return new DataError(`${flag} ${say(error.message)}`, { cause: error });
}
