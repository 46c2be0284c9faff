// What a network of pictures takes and gives, after its file and the options agreed; and pictures as it takes them.
import { scope, type Tensor, tensor } from "pioneer-torch";
import { ConfigError } from "../base/errors.ts";
import { resize } from "../compute/operators.ts";
import { type ChannelOrder, channelOrders, type Range, ranges } from "./choices.ts";
import type { Port } from "./protocol.ts";

/** Mean and standard deviation of ImageNet's channels, which torchvision's networks are fed with. */
const imagenet = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

export interface PortOptions {
  /** The option that names the file, for messages: "--features". */
  readonly flag: string;
  /** How many inputs of images it must have. */
  readonly inputs: 1 | 2;
  readonly range?: Range | undefined;
  readonly channels?: ChannelOrder | undefined;
  /** Output to take; needed where there are several. */
  readonly layer?: string | undefined;
}

/** How a network takes pictures. */
export interface Input {
  readonly layout: "planes" | "interleaved";
  readonly bytes: boolean;
  readonly range: Range;
  readonly channels: ChannelOrder;
  /** Height and width; undefined where it takes any. */
  readonly size: readonly [number, number] | undefined;
  /** 1 where the file fixes the batch so; undefined where it takes any. */
  readonly batch: 1 | undefined;
}

/** What a file says of its network. */
export interface Declared {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** An error about the file of an option. */
export const refusal = (flag: string, path: string, what: string): ConfigError =>
  new ConfigError(`${flag} ${path} ${what}`);

/**
 * Compares what a file declares with what we can feed.
 * @returns how its inputs want pictures, which is one way for all, and the name of the output
 * @throws ConfigError if it is not a network of pictures, or an option is missing
 */
export function choosePorts(
  path: string,
  { inputs, outputs, metadata }: Declared,
  options: PortOptions,
): { readonly input: Input; readonly output: string } {
  const { flag, layer } = options;
  const refused = (what: string) => refusal(flag, path, what);
  if (inputs.length !== options.inputs) {
    throw refused(
      `takes ${inputs.map(show).join(" and ")}: give a network ` +
        (options.inputs === 1 ? "with one input, a batch of images" : "with two inputs, both batches of images"),
    );
  }
  const input = inputs.map((port) => readInput(port, metadata, options, refused))[0] as Input;
  const names = outputs.map(({ name }) => name);
  const layerFlag = `${flag}-layer`;
  if (layer !== undefined && !names.includes(layer)) {
    throw refused(`has no output ${layer}; give ${layerFlag} one of ${names.join(", ")}`);
  }
  if (layer === undefined && names.length !== 1) {
    throw refused(`has ${names.length} outputs: choose one by ${layerFlag} ${names.join("|")}`);
  }
  return { input, output: layer ?? (names[0] as string) };
}

type Refused = (what: string) => ConfigError;

function readInput(port: Port, metadata: ReadonlyMap<string, string>, options: PortOptions, refused: Refused): Input {
  const { shape, type } = port;
  const layout = shape[1] === 3 ? "planes" : shape[3] === 3 ? "interleaved" : undefined;
  if (shape.length !== 4 || layout === undefined) {
    throw refused(`takes ${show(port)}: a network of colour images, [N, 3, H, W] or [N, H, W, 3], is needed`);
  }
  if (type !== "float32" && type !== "uint8") throw refused(`takes ${show(port)}: float32 or uint8 is needed`);
  const [height, width] = (layout === "planes" ? [shape[2], shape[3]] : [shape[1], shape[2]]) as (number | string)[];
  const fixed = [height, width].filter((size) => typeof size === "number" && size > 0) as number[];
  const [batch] = shape;
  if (typeof batch === "number" && batch > 1) {
    throw refused(`takes batches of exactly ${batch} images: export it with a dynamic batch, or with 1`);
  }
  const bytes = type === "uint8";
  /** The option, else what the file says of itself, else the default. */
  const choose = <T extends string>(key: "range" | "channels", known: readonly T[], otherwise?: T): T => {
    const value = (options[key] as T | undefined) ?? (metadata.get(`pioneer.${key}`) as T | undefined) ?? otherwise;
    if (value === undefined) {
      throw refused(`does not say what values it takes: give ${options.flag}-${key} ${known.join("|")}`);
    }
    if (!known.includes(value)) {
      throw refused(
        `says pioneer.${key} = ${value}, which is not known: give ${options.flag}-${key} ${known.join("|")}`,
      );
    }
    return value;
  };
  return {
    layout,
    bytes,
    range: bytes ? "0..255" : choose("range", ranges),
    channels: choose("channels", channelOrders, "rgb"),
    size: fixed.length === 2 ? (fixed as [number, number]) : undefined,
    batch: batch === 1 ? 1 : undefined,
  };
}

const show = ({ name, type, shape }: Port): string => `${name}: ${type}[${shape.join(", ")}]`;

/**
 * Pictures as a network takes them, a gradient passes through; bytes are not rounded.
 * @param pictures [n, 3, h, w], float32, 0 to 255
 */
export function adapt(pictures: Tensor, { size, range, channels, layout }: Omit<Input, "batch">): Tensor {
  return scope(() => {
    let x = pictures;
    if (size && (x.size(2) !== size[0] || x.size(3) !== size[1])) x = resize(x, size[0], size[1]);
    if (channels === "bgr") x = x.flip([1]);
    if (range === "-1..1") x = x.div(127.5).sub(1);
    if (range === "0..1") x = x.div(255);
    if (range === "imagenet") {
      const perChannel = (values: number[]) => {
        const ordered = channels === "bgr" ? [...values].reverse() : values;
        return tensor(ordered, [3, 1, 1]).to(x.device);
      };
      x = x.div(255).sub(perChannel(imagenet.mean)).div(perChannel(imagenet.deviation));
    }
    return layout === "interleaved" ? x.permute([0, 2, 3, 1]) : x;
  });
}

/**
 * Two pictures that a network of pictures tells apart, and two flat ones for a distance to compare them with.
 * @returns each [2, 3, h, w], 0 to 255: a black picture with a white half and one of grey noise; one grey
 */
export function trialPictures(height: number, width: number): [Tensor, Tensor] {
  const plane = height * width;
  const pixels = Float32Array.from({ length: 6 * plane }, (_, i) =>
    i < 3 * plane ? (i % width < width / 2 ? 0 : 255) : ((i % plane) * 7919) % 256,
  );
  const flat = new Float32Array(6 * plane).fill(90);
  return [tensor(pixels, [2, 3, height, width]), tensor(flat, [2, 3, height, width])];
}
