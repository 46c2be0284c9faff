// Compiled once for each instruction set, into a table of the name PIONEER_LOOPS (CMakeLists.txt); choose-loops.cc
// takes the one for this processor.
#include "kernels/loops.h"

#include "kernels/parameters/loops.inc"
#include "kernels/pixels/loops.inc"
#include "kernels/weights/loops.inc"
#include "kernels/winograd/loops.inc"

namespace pioneer {
namespace {

template <typename T>
constexpr LoopsOf<T> loopsOf = {.pixels = pixelLoops<T>, .weights = weightLoops<T>, .winograd = winogradLoops<T>};

}  // namespace

// Without code at load time: that would run whatever the processor is.
extern const Loops PIONEER_LOOPS;
constinit const Loops PIONEER_LOOPS = {
    .float32 = loopsOf<float>, .bfloat16 = loopsOf<Bf16>, .parameters = parameterLoops};

}  // namespace pioneer
