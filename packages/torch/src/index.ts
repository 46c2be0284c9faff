export { Adam, type AdamOptions, type AdamState } from "./adam.ts";
export { backward, type GradOptions, grad, gradWhereUsed, noGrad } from "./autograd.ts";
export { BatchLoader, type BatchRequest } from "./batches.ts";
export {
  type ChooseForm,
  type ConvolutionForm,
  type ConvolutionLayer,
  convolution3x3,
  convolutionForms,
  formOf,
  type LayerForm,
  mixedConvolution,
  type PassForms,
  setConvolutions,
  tapForms,
  upsampledWinogradConvolution,
  winogradConvolution,
} from "./convolution.ts";
export {
  type Capabilities,
  type CudaMemory,
  cacheMemory,
  capabilities,
  cudaMemory,
  dieWithParent,
  forgetMemory,
  getThreads,
  hasFused,
  heldMemory,
  lockFile,
  resetCudaPeak,
  setDeterministic,
  setThreads,
} from "./device.ts";
export { type DType, dtypeCode, elementBytes } from "./dtype.ts";
export { DisposedError, LoadError, RanksError, ShapeError, TorchError } from "./errors.ts";
export { fused, movingAverage_ } from "./fused.ts";
export { CudaGraph, enterGraphStream, fromHost, HostNumbers, isRecording } from "./graph.ts";
export * from "./ops.ts";
export { type CalledValue, type OperatorCall, recordOperators, type TensorNote } from "./profile.ts";
export { RandomGenerator } from "./random.ts";
export { type Meeting, Ranks, type RanksOptions } from "./ranks.ts";
export { readSafetensors, readSafetensorsMetadata, type SafetensorsFile, writeSafetensors } from "./safetensors.ts";
export { keep, scope } from "./scope.ts";
export {
  type Device,
  type MemoryFormat,
  memory,
  type Operand,
  operator,
  Tensor,
  tensor,
  type Value,
} from "./tensor.ts";
export { WeightCopies } from "./weight-copies.ts";
