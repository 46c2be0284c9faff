// Loops over rows of channels; see kernels.cc.
#pragma once

#include <cstdint>

namespace pioneer {

using Bf16 = uint16_t;

template <typename T>
struct PixelKernels {
  void (*pixelNormForward)(const T* x, const float* b, T* y, float* scale, int64_t rows, int64_t c, float slope, float eps);
  void (*pixelNormBackward)(const T* dy, const T* y, const float* scale, T* dx, float* db, int64_t rows, int64_t c, float slope);
  void (*biasForward)(const T* x, const float* b, T* y, int64_t rows, int64_t c, float slope);
  void (*biasBackward)(const T* dy, const T* y, T* dx, float* db, int64_t rows, int64_t c, float slope);
};

struct Kernels {
  PixelKernels<float> f32;
  PixelKernels<Bf16> bf16;
};

/// Those for this processor.
const Kernels& kernels();

}  // namespace pioneer
