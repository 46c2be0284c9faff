// Which of the ways loops.cc is compiled suits this processor.
#include "kernels/loops.h"

namespace pioneer {

// One table for each way loops.cc is compiled.
#ifdef PIONEER_X86
extern const Loops loopsV4Bf16, loopsV4, loopsV3;
#endif
extern const Loops loopsBase;

const Loops& loops() {
#ifdef PIONEER_X86
  static const bool v4 = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  static const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  // With AMX libtorch's products are twice as fast as any without: V4 leaves bfloat16 to them.
  static const bool bf16 = __builtin_cpu_supports("avx512bf16") && !__builtin_cpu_supports("amx-bf16");
  static const Loops& chosen = v4 && bf16 ? loopsV4Bf16 : v4 ? loopsV4 : v3 ? loopsV3 : loopsBase;
  return chosen;
#else
  return loopsBase;
#endif
}

}  // namespace pioneer
