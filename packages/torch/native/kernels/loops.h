// All loops of the passes on the processor. Each table names its loops by reference: one that is missing, or stands in
// another's place, does not compile.
#pragma once

#include "kernels/bf16.h"
#include "kernels/parameters/loops.h"
#include "kernels/pixels/loops.h"
#include "kernels/weights/loops.h"
#include "kernels/winograd/loops.h"

namespace pioneer {

template <typename T>
struct LoopsOf {
  PixelLoops<T> pixels;
  WeightLoops<T> weights;
  WinogradLoops<T> winograd;
};

struct Loops {
  LoopsOf<float> float32;
  LoopsOf<Bf16> bfloat16;
  ParameterLoops parameters;
};

/// Those for this processor.
const Loops& loops();

}  // namespace pioneer
