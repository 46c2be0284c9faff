// The elements of activations: float32, and bfloat16 as its bits.
#pragma once

#include <cstdint>
#include <cstring>

namespace pioneer {

using Bf16 = uint16_t;

// Nothing here may be shared between files: loops.cc is compiled for processors that others do not suit.
namespace {

// bfloat16 is the upper half of a float32: integer arithmetic, which the compiler vectorises.
inline float load(float value) { return value; }
inline float load(Bf16 value) {
  uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}
inline void store(float* to, float value) { *to = value; }
inline void store(Bf16* to, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;  // to nearest even
  *to = static_cast<Bf16>(value != value ? 0x7fc0u : rounded);
}

}  // namespace
}  // namespace pioneer
