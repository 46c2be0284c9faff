// Updates of all parameters in one pass, float32, in place; written in cpu.cc and cuda.cu.
#include <torch/library.h>

TORCH_LIBRARY_FRAGMENT(pioneer, library) {
  // Adam: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
  // p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps). `first` is empty where b1 = 0; copies[i], if it has
  // elements, becomes p copy_scales[i], in its own dtype. What changes from step to step lies on the device, so that a
  // CUDA graph can be launched again: rates[i] = [lr / (1 - b1^t), 1 / sqrt(1 - b2^t)].
  library.def(
      "adam_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] first, Tensor(c!)[] second, Tensor(d!)[] "
      "copies, "
      "float[] copy_scales, Tensor rates, float beta1, float beta2, float eps) -> ()");
  // average += weight (value - average)
  library.def("ema_(Tensor(a!)[] averages, Tensor[] values, float weight) -> ()");
}
