import { TorchError } from "./errors.ts";

/** libtorch's numbers of the scalar types we name. */
const codes = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  bool: 11,
  bfloat16: 15,
} as const;

export type DType = keyof typeof codes;

/** Bytes of one element. */
export const elementBytes: Readonly<Record<DType, number>> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  float32: 4,
  int64: 8,
  float64: 8,
};

const names = new Map<number, DType>(Object.entries(codes).map(([name, code]) => [code, name as DType]));

export function dtypeCode(dtype: DType): number {
  const code = codes[dtype];
  if (code === undefined) throw new TorchError(`unknown dtype "${dtype}"; known: ${Object.keys(codes).join(", ")}`);
  return code;
}

export function dtypeName(code: number): DType {
  const name = names.get(code);
  if (!name) throw new TorchError(`libtorch's scalar type ${code} has no name here`);
  return name;
}

/** The typed array that holds elements of a dtype; 16-bit floats come as their bits. */
export function typedArrayOf(dtype: DType, buffer: ArrayBuffer): NodeJS.TypedArray {
  switch (dtype) {
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "int16":
      return new Int16Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "float16":
    case "bfloat16":
      return new Uint16Array(buffer);
    case "float32":
      return new Float32Array(buffer);
    case "float64":
      return new Float64Array(buffer);
  }
}

/** The dtype a typed array's elements have by themselves. */
export function dtypeOfArray(data: NodeJS.TypedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  throw new TorchError(`a ${data.constructor.name} has no dtype of its own; pass one`);
}
