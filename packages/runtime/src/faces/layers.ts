import { OnnxWriter } from "./onnx-writer.ts";
import type { Tensor } from "./weights.ts";

/** How a convolution's window moves; without `valid`, zeros are put around so that only the stride makes it smaller. */
interface Window {
  readonly stride?: number;
  readonly valid?: boolean;
}

/** Writes networks layer by layer, with weights in TensorFlow's order. Each layer takes the name of what goes in. */
export class Layers {
  readonly #onnx = new OnnxWriter();
  readonly #tensor: (name: string) => Tensor;

  constructor(tensor: (name: string) => Tensor) {
    this.#tensor = tensor;
  }

  /** @param filters name of a tensor [height, width, in, out], or [in, out] of a 1x1 convolution; there is a bias beside it */
  conv(x: string, filters: string, window: Window = {}): string {
    const { shape, values } = this.#tensor(filters);
    const [height, width, inputs, outputs] = (shape.length === 2 ? [1, 1, ...shape] : shape) as [
      number,
      number,
      number,
      number,
    ];
    const turned = outputsFirst(values, height * width * inputs, outputs);
    const byChannel = new Float32Array(values.length);
    // [out, height, width, in] to [out, in, height, width]
    for (let o = 0; o < outputs; o++) {
      const at = o * height * width * inputs;
      byChannel.set(outputsFirst(turned.subarray(at, at + height * width * inputs), height * width, inputs), at);
    }
    const bias = this.#tensor(filters.replace(/[^/]+$/, "bias"));
    return this.#onnx.node(
      "Conv",
      [x, this.#onnx.tensor([outputs, inputs, height, width], byChannel), this.#onnx.tensor(bias.shape, bias.values)],
      windowOf(window),
    );
  }

  /** A 3x3 filter for each channel, then a 1x1 convolution. */
  separable(x: string, name: string, window: Window = {}): string {
    const { shape, values } = this.#tensor(`${name}/depthwise_filter`);
    const channels = shape[2] as number;
    const filters = this.#onnx.tensor([channels, 1, 3, 3], outputsFirst(values, 9, channels));
    const filtered = this.#onnx.node("Conv", [x, filters], { ...windowOf(window), group: channels });
    return this.conv(filtered, `${name}/pointwise_filter`);
  }

  maxPool(x: string, stride: number): string {
    return this.#onnx.node("MaxPool", [x], { ...windowOf({ stride }), kernel_shape: [2, 2] });
  }

  leakyRelu(x: string, slope: number): string {
    return this.#onnx.node("LeakyRelu", [x], { alpha: { float: slope } });
  }

  relu(...sum: readonly string[]): string {
    return this.#onnx.node("Relu", [sum.length === 1 ? (sum[0] as string) : this.#onnx.node("Sum", sum)]);
  }

  meanOfPixels(x: string): string {
    return this.#onnx.node("GlobalAveragePool", [x]);
  }

  finish(y: string): Uint8Array {
    return this.#onnx.finish(y);
  }
}

function windowOf({ stride = 1, valid = false }: Window) {
  return { strides: [stride, stride], auto_pad: valid ? "VALID" : "SAME_UPPER" };
}

/** [rows, columns] to [columns, rows] */
function outputsFirst(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
}
