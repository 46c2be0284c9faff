// The loops of pixels/cpu.cc: what they are given. loops.inc has them.
#pragma once

#include <cstdint>

namespace pioneer {

/// A run of `count` pixels of `c` values each: how far apart they lie on either side, and how far apart their scales.
struct Run {
  int64_t count, c, xStep, yStep, scaleStep;
};

template <typename T>
struct PixelLoops {
  void (&pixelNormForward)(Run run, const T* x, const float* b, T* y, float* scale, float slope, float eps);
  /// dy lies like y, dx like x. Adds dx into db, as the others below.
  void (&pixelNormBackward)(Run run, const T* dy, const T* y, const float* scale, T* dx, float* db, float slope);
  void (&biasForward)(const T* x, const float* b, T* y, int64_t rows, int64_t c, float slope);
  void (&biasBackward)(const T* dy, const T* y, T* dx, float* db, int64_t rows, int64_t c, float slope);
  /// One row of a pooled image from two rows, `wide` values apart.
  void (&poolForward)(const T* x, int64_t wide, const float* b, T* y, uint8_t* signs, int64_t pixels, int64_t c,
                      float slope);
  void (&poolBackward)(const T* dy, const uint8_t* signs, T* dx, int64_t wide, float* db, int64_t pixels, int64_t c,
                       float slope);
  void (&fade)(const T* before, const T* now, T* y, int64_t n, float alpha);
};

}  // namespace pioneer
