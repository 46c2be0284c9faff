// Which of the ways loops.cc is compiled suits this processor.
#include "kernels/loops.h"

namespace pioneer {

// One table for each way loops.cc is compiled.
#ifdef PIONEER_X86
extern const Loops loopsV4, loopsV3;
#endif
extern const Loops loopsBase;

const Loops& loops() {
#ifdef PIONEER_X86
  static const Loops& chosen = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? loopsV4
                               : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")        ? loopsV3
                                                                                                        : loopsBase;
  return chosen;
#else
  return loopsBase;
#endif
}

}  // namespace pioneer
