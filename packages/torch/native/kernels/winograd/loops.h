// The loops of winograd/convolution.cc: what they are given. loops.inc has them.
#pragma once

#include <cstdint>

#include "kernels/winograd/products.h"

namespace pioneer {

/// What stands around the matrix products of a convolution, for c channels at once. Factors and products are `count`
/// numbers for each channel, `step` values apart.
template <typename T>
struct WinogradPasses {
  int64_t count;
  int64_t patch, stride;  // a tile's factors come of patch x patch pixels; the next tile's lie `stride` further
  int64_t side;           // a tile is side x side pixels of the result
  void (&toFactors)(const T* const* patch, T* factors, int64_t step, int64_t c);
  void (&fromProducts)(const T* products, int64_t step, T* const* tile, int64_t c);
  /// Of products that were not rounded.
  void (&fromSums)(const float* products, int64_t step, T* const* tile, int64_t c);
  /// Weights are [3][3][c]; flipped: turned by half a turn.
  void (&kernelToFactors)(const T* w, T* factors, int64_t step, int64_t c, bool flipped);
};

/// The way back from tiles and factors to the gradient of the kernel.
template <typename T>
struct WinogradGradient {
  void (&toProducts)(const T* const* tile, T* products, int64_t step, int64_t c);
  void (&factorsToKernel)(const float* factors, int64_t step, T* w, int64_t c);
};

template <typename T>
struct WinogradLoops {
  /// Of an image, and of one enlarged twofold. The way back to the pixels: `plain` of the first, that of the second.
  WinogradPasses<T> plain, upsampled, upsampledBack;
  WinogradGradient<T> plainGradient, upsampledGradient;
  /// Null where libtorch's products are faster.
  const ProductLoops<T>* products;
};

}  // namespace pioneer
