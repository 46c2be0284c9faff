import { accessSync, constants } from "node:fs";
import { scope, type Tensor, tensor } from "pioneer-torch";
import { diskError } from "../data/disk.ts";
import { ConfigError, DataError, PioneerError } from "../errors.ts";
import type { Feed, Port } from "../onnx/protocol.ts";
import { OnnxError, OnnxSession } from "../onnx/session.ts";
import { readOnnxMetadata } from "./onnx-metadata.ts";
import { resize, round } from "./operators.ts";

/** What the values 0 to 255 of a picture become for a network. */
export const ranges = ["-1..1", "0..1", "0..255", "imagenet"] as const;
export type Range = (typeof ranges)[number];
export const channelOrders = ["rgb", "bgr"] as const;
export type ChannelOrder = (typeof channelOrders)[number];

/** Mean and standard deviation of ImageNet's channels, which torchvision's networks are fed with. */
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/** How a network wants to be fed where its file does not say so itself. */
export interface NetworkOptions {
  /** The option that names the file, for messages: "--features". */
  readonly flag: string;
  /** How many inputs of images it must have. */
  readonly inputs: 1 | 2;
  readonly range?: Range | undefined;
  readonly channels?: ChannelOrder | undefined;
  /** Output to take; needed where there are several. */
  readonly layer?: string | undefined;
  readonly threads: number;
}

/** How a network takes pictures, after its file and the options agreed. */
interface Input {
  readonly layout: "planes" | "interleaved";
  readonly bytes: boolean;
  readonly range: Range;
  readonly channels: ChannelOrder;
  /** Height and width; undefined where it takes any. */
  readonly size: readonly [number, number] | undefined;
  /** 1 where the file fixes the batch so; undefined where it takes any. */
  readonly batch: 1 | undefined;
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
    const { flag, layer } = this.#options;
    const wanted = this.#options.inputs;
    if (inputs.length !== wanted) {
      throw this.#refused(
        `takes ${inputs.map(show).join(" and ")}: give a network ` +
          (wanted === 1 ? "with one input, a batch of images" : "with two inputs, both batches of images"),
      );
    }
    this.#input = inputs.map((port) => this.#read(port))[0] as Input;
    this.#names = inputs.map(({ name }) => name);
    const names = outputs.map(({ name }) => name);
    const layerFlag = `${flag}-layer`;
    if (layer !== undefined && !names.includes(layer)) {
      throw this.#refused(`has no output ${layer}; give ${layerFlag} one of ${names.join(", ")}`);
    }
    if (layer === undefined && names.length !== 1) {
      throw this.#refused(`has ${names.length} outputs: choose one by ${layerFlag} ${names.join("|")}`);
    }
    this.#output = layer ?? (names[0] as string);
  }

  #read(port: Port): Input {
    const { shape, type } = port;
    const layout = shape[1] === 3 ? "planes" : shape[3] === 3 ? "interleaved" : undefined;
    if (shape.length !== 4 || layout === undefined) {
      throw this.#refused(`takes ${show(port)}: a network of colour images, [N, 3, H, W] or [N, H, W, 3], is needed`);
    }
    if (type !== "float32" && type !== "uint8") throw this.#refused(`takes ${show(port)}: float32 or uint8 is needed`);
    const [height, width] = (layout === "planes" ? [shape[2], shape[3]] : [shape[1], shape[2]]) as (number | string)[];
    const fixed = [height, width].filter((size) => typeof size === "number" && size > 0) as number[];
    const [batch] = shape;
    if (typeof batch === "number" && batch > 1) {
      throw this.#refused(`takes batches of exactly ${batch} images: export it with a dynamic batch, or with 1`);
    }
    const bytes = type === "uint8";
    const metadata = readOnnxMetadata(this.path);
    return {
      layout,
      bytes,
      range: bytes ? "0..255" : this.#choose("range", ranges, metadata, undefined),
      channels: this.#choose("channels", channelOrders, metadata, "rgb"),
      size: fixed.length === 2 ? (fixed as [number, number]) : undefined,
      batch: batch === 1 ? 1 : undefined,
    };
  }

  /** The option, else what the file says of itself, else the default. */
  #choose<T extends string>(
    key: "range" | "channels",
    known: readonly T[],
    metadata: ReadonlyMap<string, string>,
    otherwise: T | undefined,
  ): T {
    const { flag } = this.#options;
    const said = metadata.get(`pioneer.${key}`);
    const value = (this.#options[key] as T | undefined) ?? (said as T | undefined) ?? otherwise;
    if (value === undefined) {
      throw this.#refused(`does not say what values it takes: give ${flag}-${key} ${known.join("|")}`);
    }
    if (!known.includes(value)) {
      throw this.#refused(`says pioneer.${key} = ${value}, which is not known: give ${flag}-${key} ${known.join("|")}`);
    }
    return value;
  }

  /** One black picture with a white half, one of grey noise; a network of pictures tells them apart. */
  async #try(): Promise<void> {
    const input = this.#input as Input;
    const [height, width] = input.size ?? [64, 64];
    const plane = height * width;
    const pixels = Float32Array.from({ length: 6 * plane }, (_, i) =>
      i < 3 * plane ? (i % width < width / 2 ? 0 : 255) : ((i % plane) * 7919) % 256,
    );
    const step = input.batch ?? 2;
    const results: number[][] = [];
    for (let at = 0; at < 2; at += step) {
      const part = scope(() => prepare(tensor(pixels, [2, 3, height, width]).narrow(0, at, step), input));
      // Of a distance the second picture is flat.
      const flat = scope(() =>
        prepare(tensor(new Float32Array(3 * plane * step).fill(90), [step, 3, height, width]), input),
      );
      const { data, shape } = await this.#run(this.#options.inputs === 1 ? [part] : [part, flat]);
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
    const [first = [], second = []] = results;
    if (![...first, ...second].every(Number.isFinite)) throw this.#refused("gives values that are not finite");
    if (first.every((value, i) => value === second[i])) {
      throw this.#refused(
        `gives the same for two different images: is it the right network, and ${this.#output} the right layer?`,
      );
    }
  }

  #refused(what: string): ConfigError {
    return new ConfigError(`${this.#options.flag} ${this.path} ${what}`);
  }
}

const show = ({ name, type, shape }: Port): string => `${name}: ${type}[${shape.join(", ")}]`;

/** Pictures as a network takes them. */
function prepare(pictures: Tensor, { size, bytes, range, channels, layout }: Input): Omit<Feed, "name"> {
  return scope(() => {
    let x = pictures.to("float32");
    if (size && (x.size(2) !== size[0] || x.size(3) !== size[1])) x = resize(x, size[0], size[1]);
    if (channels === "bgr") x = x.flip([1]);
    if (range === "-1..1") x = x.div(127.5).sub(1);
    if (range === "0..1") x = x.div(255);
    if (range === "imagenet") {
      const perChannel = (values: number[]) => {
        const ordered = channels === "bgr" ? [...values].reverse() : values;
        return tensor(ordered, [3, 1, 1]);
      };
      x = x.div(255).sub(perChannel(imagenet.mean)).div(perChannel(imagenet.deviation));
    }
    if (layout === "interleaved") x = x.permute([0, 2, 3, 1]);
    const shape = [...x.shape];
    if (!bytes) return { data: x.toFloat32Array(), shape };
    return { data: round(x.clamp(0, 255)).to("uint8").toTypedArray() as Uint8Array, shape };
  });
}

/** What ONNX Runtime says, as an error about the option. */
function worded(error: unknown, flag: string, say: (message: string) => string): unknown {
  if (!(error instanceof OnnxError)) return error;
  if (error.missing) return new PioneerError("ONNX", `${flag} needs ONNX Runtime: ${error.message}`);
  return new DataError(`${flag} ${say(error.message)}`, { cause: error });
}
