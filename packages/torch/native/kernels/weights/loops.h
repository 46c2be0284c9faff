// The loops of weights/cpu.cc: what they are given. loops.inc has them.
#pragma once

#include <cstdint>

namespace pioneer {

template <typename T>
struct WeightLoops {
  /// y = x scale
  void (&scaleFrom)(const T* x, float* y, int64_t n, float scale);
  void (&scaleTo)(const float* x, T* y, int64_t n, float scale);
  /// One output channel of a 3x3 kernel [3][3][c] to its four 2x2 ones, [2][2][c] each, `phaseStep` values apart.
  void (&foldKernel)(const float* w, T* y, int64_t phaseStep, int64_t c, float scale);
  void (&unfoldKernel)(const T* dy, int64_t phaseStep, float* dw, int64_t c, float scale);
  double (&dot)(const T* x, const float* y, int64_t n);
  /// dw = a dy - b v - c q
  void (&spectralBackward)(const T* dy, const float* v, const float* q, float* dw, int64_t n, float a, float b,
                           float c);
};

}  // namespace pioneer
