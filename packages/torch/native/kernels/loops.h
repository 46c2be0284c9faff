// Loops over rows of channels and over parameters; see loops.cc.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace pioneer {

/// A run of `count` pixels of `c` values each: how far apart they lie on either side, and how far apart their scales.
struct Run {
  int64_t count, c, xStep, yStep, scaleStep;
};

/// What stands around the matrix products of a Winograd convolution (winograd/convolution.cc), for c channels at once. Factors and products are
/// `count` numbers for each channel, `step` values apart.
template <typename T>
struct WinogradPasses {
  int64_t count;
  int64_t patch, stride;  // a tile's factors come of patch x patch pixels; the next tile's lie `stride` further
  int64_t side;           // a tile is side x side pixels of the result
  void (*toFactors)(const T* const* patch, T* factors, int64_t step, int64_t c);
  void (*fromProducts)(const T* products, int64_t step, T* const* tile, int64_t c);
  /// The way back from a tile to its products.
  void (*toProducts)(const T* const* tile, T* products, int64_t step, int64_t c);
  /// Weights are [3][3][c]; flipped: turned by half a turn.
  void (*kernelToFactors)(const T* w, T* factors, int64_t step, int64_t c, bool flipped);
  void (*factorsToKernel)(const float* factors, int64_t step, T* w, int64_t c);
};

template <typename T>
struct PixelKernels {
  void (*pixelNormForward)(Run run, const T* x, const float* b, T* y, float* scale, float slope, float eps);
  /// dy lies like y, dx like x. Adds dx into db, as the others below.
  void (*pixelNormBackward)(Run run, const T* dy, const T* y, const float* scale, T* dx, float* db, float slope);
  void (*biasForward)(const T* x, const float* b, T* y, int64_t rows, int64_t c, float slope);
  void (*biasBackward)(const T* dy, const T* y, T* dx, float* db, int64_t rows, int64_t c, float slope);
  /// One row of a pooled image from two rows, `wide` values apart.
  void (*poolForward)(const T* x, int64_t wide, const float* b, T* y, uint8_t* signs, int64_t pixels, int64_t c, float slope);
  void (*poolBackward)(const T* dy, const uint8_t* signs, T* dx, int64_t wide, float* db, int64_t pixels, int64_t c, float slope);
  void (*fade)(const T* before, const T* now, T* y, int64_t n, float alpha);
  /// y = x scale
  void (*scaleFrom)(const T* x, float* y, int64_t n, float scale);
  void (*scaleTo)(const float* x, T* y, int64_t n, float scale);
  /// One output channel of a 3x3 kernel [3][3][c] to its four 2x2 ones, [2][2][c] each, `phaseStep` values apart.
  void (*foldKernel)(const float* w, T* y, int64_t phaseStep, int64_t c, float scale);
  void (*unfoldKernel)(const T* dy, int64_t phaseStep, float* dw, int64_t c, float scale);
  double (*dot)(const T* x, const float* y, int64_t n);
  WinogradPasses<T> winograd, upsampledWinograd, upsampledWinogradBack;
  /// dw = a dy - b v - c q
  void (*spectralBackward)(const T* dy, const float* v, const float* q, float* dw, int64_t n, float a, float b, float c);
};

/// One update of Adam; see parameters/operators.cc.
struct AdamNumbers {
  float beta1, rest1, beta2, rest2, rate, secondCorrection, epsilon;  // rest: 1 - beta
};

struct Kernels {
  PixelKernels<float> f32;
  PixelKernels<Bf16> bf16;
  /// m may be null (beta1 = 0); a copy of the new p times `scale` goes to `copy` or `copy16`, if given.
  void (*adam)(float* p, const float* g, float* m, float* v, float* copy, Bf16* copy16, float scale, int64_t n, AdamNumbers numbers);
  void (*lerp)(float* average, const float* value, int64_t n, float weight);
};

/// Those for this processor.
const Kernels& kernels();

}  // namespace pioneer
