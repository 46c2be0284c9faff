// The loops of parameters/cpu.cc: what they are given. loops.inc has them.
#pragma once

#include <cstdint>

#include "kernels/bf16.h"

namespace pioneer {

/// One update of Adam; see parameters/operators.cc.
struct AdamNumbers {
  float beta1, rest1, beta2, rest2, rate, secondCorrection, epsilon;  // rest: 1 - beta
};

struct ParameterLoops {
  /// m may be null (beta1 = 0); a copy of the new p times `scale` goes to `copy` or `copy16`, if given.
  void (&adam)(float* p, const float* g, float* m, float* v, float* copy, Bf16* copy16, float scale, int64_t n,
               AdamNumbers numbers);
  void (&lerp)(float* average, const float* value, int64_t n, float weight);
};

}  // namespace pioneer
