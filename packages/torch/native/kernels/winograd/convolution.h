// Winograd's convolution of 3x3 kernels [out, in, 3, 3], on the CPU. All tensors are of one dtype, float32 or bfloat16,
// and lie channels last; h and w are even, unless x is `upsampled`: read as enlarged twofold by repetition.
#pragma once

#include <ATen/ATen.h>

namespace pioneer::cpu {

using at::Tensor;

/// [batch, in, h, w] -> [batch, out, h, w], upsampled [batch, out, 2h, 2w].
Tensor winograd(const Tensor& x, const Tensor& w, bool upsampled);
/// The gradient of x.
Tensor winogradToData(const Tensor& dy, const Tensor& w, bool upsampled);
/// The gradient of w, and as it lies.
Tensor winogradToWeights(const Tensor& x, const Tensor& dy, const Tensor& w, bool upsampled);

}  // namespace pioneer::cpu
