#pragma once

#include <ATen/ATen.h>

namespace pioneer {

using at::Tensor;

/// The gradient of a 3x3 kernel, [out, in, 3, 3] channels last. @param x [batch, in, h, w] @param dy [batch, out, h, w]
Tensor tapsToWeights(const Tensor& x, const Tensor& dy);

}  // namespace pioneer
