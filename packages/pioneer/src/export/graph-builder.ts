// An ONNX graph while it is put together: nodes, constants, and weights in the format they are stored in.
import type { ModelConfig } from "pioneer-runtime";
import { operator, scope, type Tensor } from "pioneer-torch";
import {
  type AttributeProto,
  attributeTypes,
  dataTypes,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "../onnx/messages.ts";

/** What weights are stored as. Activations are float32 always. */
export type WeightFormat = ModelConfig["dtype"];

/**
 * All operators that a graph may hold, of those that ONNX Runtime computes well on processors and in WebGPU. ConvTranspose is not
 * among them: it was wrong or slow in WebGPU (docs/export.md).
 */
export type Operator = ComputingOperator | PointwiseOperator | MovingOperator;
type ComputingOperator = "Conv" | "MatMul" | "AveragePool" | "ReduceL2";
type PointwiseOperator = "Add" | "Sub" | "Mul" | "Div" | "Sqrt" | "LeakyRelu";
/** They only move or convert values. */
type MovingOperator = "Resize" | "Reshape" | "Transpose" | "Concat" | "Slice" | "Pad" | "Cast";

export type AttributeValue = number | readonly number[] | string | { readonly float: number };

/** One input or output: float32, first dimension the batch. */
export interface PortShape {
  readonly name: string;
  /** Without the batch. */
  readonly dims: readonly number[];
}

const amax = operator<[x: Tensor, dims: readonly number[], keepdim: boolean], Tensor>("aten::amax");
const round = operator<[x: Tensor], Tensor>("aten::round");
const smallestScale = 1e-30;

export class GraphBuilder {
  readonly name: string;
  readonly format: WeightFormat;
  readonly #input: PortShape;
  #output: PortShape | undefined;
  readonly #nodes: NodeProto[] = [];
  readonly #constants: TensorProto[] = [];

  constructor(name: string, format: WeightFormat, input: PortShape) {
    this.name = name;
    this.format = format;
    this.#input = input;
  }

  /** Adds a node with one output, which has the node's name. @returns that name */
  node(
    name: string,
    opType: Operator,
    input: readonly string[],
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): string {
    const attribute = Object.entries(attributes).map(([key, value]) => attributeOf(key, value));
    this.#nodes.push({ name, opType, input, output: [name], attribute });
    return name;
  }

  /** The values in other dimensions, of which one may be -1. */
  reshape(name: string, x: string, dims: readonly number[]): string {
    return this.node(name, "Reshape", [x, this.integers(`${name}.shape`, dims)]);
  }

  /** A float32 constant as it is. */
  constant(name: string, values: readonly number[] | Float32Array, dims: readonly number[]): string {
    return this.#store(name, "float32", dims, bytesOf(Float32Array.from(values)));
  }

  integers(name: string, values: readonly number[]): string {
    return this.#store(name, "int64", [values.length], bytesOf(BigInt64Array.from(values.map(BigInt))));
  }

  /** A bias or another small tensor that stays float32. */
  tensor(name: string, value: Tensor): string {
    return this.#store(name, "float32", value.shape, bytesOf(value.toFloat32Array()));
  }

  /**
   * A weight in the format of the file. What is not float32 is followed by nodes that make it so, of constants only:
   * ONNX Runtime computes them once, when it loads the file.
   * @param axis of the outputs: in int8 each of them has a scale of its own
   */
  weight(name: string, value: Tensor, axis: number): string {
    if (this.format === "fp32") return this.tensor(name, value);
    if (this.format === "fp16") {
      const half = scope(() => value.to("float16").toTypedArray());
      return this.#cast(name, this.#store(`${name}.fp16`, "float16", value.shape, bytesOf(half)));
    }
    const [rounded, scale] = scope(() => {
      const others = value.shape.map((_, i) => i).filter((i) => i !== axis);
      // A row of zeros has some scale too.
      const step = amax(value.abs(), others, true).div(127).clamp(smallestScale, null);
      return [round(value.div(step)).to("int8").toTypedArray(), this.tensor(`${name}.scale`, step)] as const;
    });
    const whole = this.#store(`${name}.int8`, "int8", value.shape, bytesOf(rounded));
    return this.node(name, "Mul", [this.#cast(`${name}.whole`, whole), scale]);
  }

  /** Bytes of all constants. */
  get bytes(): number {
    return this.#constants.reduce((sum, { rawData }) => sum + rawData.length, 0);
  }

  /** The last node gives the output. */
  finish(output: PortShape): this {
    const last = this.#nodes.at(-1) as NodeProto;
    this.#nodes[this.#nodes.length - 1] = { ...last, output: [output.name] };
    this.#output = output;
    return this;
  }

  /** The finished graph. */
  graph(): GraphProto {
    const [input, output] = [this.#input, this.#output as PortShape];
    return {
      name: this.name,
      node: this.#nodes,
      initializer: this.#constants,
      input: [portOf(input)],
      output: [portOf(output)],
    };
  }

  #cast(name: string, from: string): string {
    return this.node(name, "Cast", [from], { to: dataTypes.float32 });
  }

  #store(name: string, type: keyof typeof dataTypes, dims: readonly number[], rawData: Uint8Array): string {
    this.#constants.push({ name, dataType: dataTypes[type], dims, rawData });
    return name;
  }
}

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === "string") return { name, type: attributeTypes.string, s: Buffer.from(value) };
  if (typeof value === "number") return { name, type: attributeTypes.int, i: value };
  if ("float" in value) return { name, type: attributeTypes.float, f: value.float };
  return { name, type: attributeTypes.ints, ints: value };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

const portOf = ({ name, dims }: PortShape): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType: dataTypes.float32,
      shape: { dim: [{ dimParam: "batch" }, ...dims.map((dimValue) => ({ dimValue }))] },
    },
  },
});
