import { type DType, dtypeName } from "./dtype.ts";
import { native, type RecordedValue } from "./native.ts";

/** A tensor that an operator was given: what it was like, not what was in it. */
export interface TensorNote {
  readonly shape: readonly number[];
  /** In elements; they tell channels last from row-major. Empty where the layout has none. */
  readonly strides: readonly number[];
  readonly dtype: DType;
}

/** An argument of a recorded call. Null also stands for devices, generators and others that are not noted. */
export type CalledValue = number | boolean | string | null | TensorNote | readonly CalledValue[];

/** One call of an operator ("aten::mm", with its overload) or one node of a backward pass ("ConvolutionBackward0"). */
export interface OperatorCall {
  readonly name: string;
  readonly inputs: readonly CalledValue[];
  /** Index of the call that made this one, null for the outermost. */
  readonly parent: number | null;
  /** Its own time, without the recorded calls inside it. */
  readonly seconds: number;
}

/**
 * Runs `body` and notes every operator that libtorch executes meanwhile, autograd's and its threads' included. Nested
 * calls are noted too. For measuring: each call costs some microseconds more. One recording at a time in a process.
 * @returns the calls in the order of their beginning
 * @throws TorchError if a recording is already going on
 */
export function recordOperators<T>(body: () => T): { readonly result: T; readonly calls: readonly OperatorCall[] } {
  native.startRecording();
  let result: T;
  try {
    result = body();
  } catch (error) {
    native.stopRecording();
    throw error;
  }
  const calls = native.stopRecording().map((call) => ({ ...call, inputs: call.inputs.map(called) }));
  return { result, calls };
}

function called(value: RecordedValue): CalledValue {
  if (Array.isArray(value)) return value.map(called);
  if (typeof value === "object" && value !== null) return { ...value, dtype: dtypeName(value.dtype) };
  return value;
}
