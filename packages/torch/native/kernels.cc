// The loops of fused.cc, compiled once for each instruction set (CMakeLists.txt) and chosen at load time. Rows are pixels of
// a channels-last image: C values in a row. Values are float32 or bfloat16, sums are float32.
#include "kernels.h"

#include <cmath>
#include <cstring>

namespace pioneer {
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

/// y = lrelu(h s), h = x + b, s = 1 / sqrt(mean(h^2) + eps); s is kept for the way back.
template <typename T>
void pixelNormForward(const T* x, const float* b, T* y, float* scale, int64_t rows, int64_t c, float slope, float eps) {
  for (int64_t r = 0; r < rows; r++, x += c, y += c) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < c; i++) {
      float h = load(x[i]) + b[i];
      sum += h * h;
    }
    float s = 1.0f / std::sqrt(sum / static_cast<float>(c) + eps);
    scale[r] = s;
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float n = (load(x[i]) + b[i]) * s;
      store(y + i, n > 0 ? n : n * slope);
    }
  }
}

/// dx = s (dn - n mean(dn n)), dn = dy lrelu'(n), n = y or y / slope; dn n is dy y. Adds dx into db.
template <typename T>
void pixelNormBackward(const T* dy, const T* y, const float* scale, T* dx, float* db, int64_t rows, int64_t c, float slope) {
  const float undo = 1.0f / slope;
  for (int64_t r = 0; r < rows; r++, dy += c, y += c, dx += c) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < c; i++) sum += load(dy[i]) * load(y[i]);
    float mean = sum / static_cast<float>(c);
    float s = scale[r];
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float v = load(y[i]);
      float up = load(dy[i]);
      float n = v > 0 ? v : v * undo;
      float d = v > 0 ? up : up * slope;
      float g = s * (d - n * mean);
      store(dx + i, g);
      db[i] += g;
    }
  }
}

/// y = lrelu(x + b)
template <typename T>
void biasForward(const T* x, const float* b, T* y, int64_t rows, int64_t c, float slope) {
  for (int64_t r = 0; r < rows; r++, x += c, y += c) {
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float h = load(x[i]) + b[i];
      store(y + i, h > 0 ? h : h * slope);
    }
  }
}

/// dx = dy lrelu'(y); adds dx into db.
template <typename T>
void biasBackward(const T* dy, const T* y, T* dx, float* db, int64_t rows, int64_t c, float slope) {
  for (int64_t r = 0; r < rows; r++, dy += c, y += c, dx += c) {
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float up = load(dy[i]);
      float g = load(y[i]) > 0 ? up : up * slope;
      store(dx + i, g);
      db[i] += g;
    }
  }
}

template <typename T>
constexpr PixelKernels<T> kernels() {
  return {pixelNormForward<T>, pixelNormBackward<T>, biasForward<T>, biasBackward<T>};
}

}  // namespace

extern const Kernels PIONEER_KERNELS;
const Kernels PIONEER_KERNELS = {kernels<float>(), kernels<Bf16>()};

}  // namespace pioneer
