// Which of the ways loops.cc is compiled suits this processor.
#include "kernels/loops.h"

namespace pioneer {

// One table for each way loops.cc is compiled.
#ifdef PIONEER_X86
extern const Kernels kernelsV4, kernelsV3;
#endif
extern const Kernels kernelsBase;

const Kernels& kernels() {
#ifdef PIONEER_X86
  static const Kernels& chosen = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? kernelsV4
                                 : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")      ? kernelsV3
                                                                                                         : kernelsBase;
  return chosen;
#else
  return kernelsBase;
#endif
}

}  // namespace pioneer
