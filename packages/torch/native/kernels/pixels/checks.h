// What the passes over pixels ask of their tensors, on any device.
#pragma once

#include "kernels/checks.h"

namespace pioneer {

inline Tensor checkedBias(const Tensor& bias, const Tensor& x, int64_t channels, const char* name) {
  TORCH_CHECK(bias.scalar_type() == at::kFloat && bias.dim() == 1 && bias.size(0) == channels, name,
              ": expected a bias float32[", channels, "], got ", bias.scalar_type(), bias.sizes());
  checkPlace(x, bias, name);
  return bias.contiguous();
}

/// What is faded from, as large as what is faded to: nearest pixels of half the size.
inline Tensor enlarged(const Tensor& before, const Tensor& now) {
  if (before.dim() != 4 || now.dim() != 4 || before.sizes().slice(2) == now.sizes().slice(2))
    return asRows(before, "fade");
  TORCH_CHECK(now.size(2) == 2 * before.size(2) && now.size(3) == 2 * before.size(3),
              "fade: expected a first image of the second's size or half of it, got ", before.sizes(), " and ",
              now.sizes());
  return asRows(at::upsample_nearest2d(before, now.sizes().slice(2), {}, {}), "fade");
}

inline void checkPixelNormKept(const Tensor& y, const Tensor& scale, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  checkKept(y, y.scalar_type(), name);
  checkKeptNumbers(scale, pixelsOf(y), y, name);
  TORCH_CHECK(!upsampled || (y.dim() == 4 && y.size(1) > 0 && y.size(2) % 2 == 0 && y.size(3) % 2 == 0), name,
              ": expected an enlarged image, [batch, C, 2h, 2w], got ", y.sizes());
}

}  // namespace pioneer
