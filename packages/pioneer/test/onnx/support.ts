/** Networks that PyTorch, ONNX's own helpers and `pioneer export` wrote. */
export const networks = [
  "model-tiny/generator.onnx",
  "model-tiny/encoder.onnx",
  "lpips/lpips.onnx",
  "lpips/operators-12.onnx",
  "lpips/operators-18.onnx",
  "metrics/features.onnx",
  "metrics/features-bytes.onnx",
  "metrics/distance.onnx",
];
