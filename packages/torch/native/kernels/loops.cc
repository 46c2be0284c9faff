// The loops of fused-cpu.cc, compiled once for each instruction set (CMakeLists.txt) and chosen at load time. Rows are pixels
// of a channels-last image: C values in a row. Values are float32 or bfloat16, sums are float32.
#include "kernels/loops.h"

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
void pixelNormForward(Run run, const T* x, const float* b, T* y, float* scale, float slope, float eps) {
  const int64_t c = run.c;
  for (int64_t r = 0; r < run.count; r++, x += run.xStep, y += run.yStep, scale += run.scaleStep) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < c; i++) {
      float h = load(x[i]) + b[i];
      sum += h * h;
    }
    float s = 1.0f / std::sqrt(sum / static_cast<float>(c) + eps);
    *scale = s;
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float n = (load(x[i]) + b[i]) * s;
      store(y + i, n > 0 ? n : n * slope);
    }
  }
}

/// dx = s (dn - n mean(dn n)), dn = dy lrelu'(n), n = y or y / slope; dn n is dy y.
template <typename T>
void pixelNormBackward(Run run, const T* dy, const T* y, const float* scale, T* dx, float* db, float slope) {
  const float undo = 1.0f / slope;
  const int64_t c = run.c;
  for (int64_t r = 0; r < run.count; r++, dy += run.yStep, y += run.yStep, dx += run.xStep, scale += run.scaleStep) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < c; i++) sum += load(dy[i]) * load(y[i]);
    float mean = sum / static_cast<float>(c);
    float s = *scale;
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

/// y = mean over 2x2 of lrelu(x + b). The signs of the four are all the way back needs: one bit each.
template <typename T>
void poolForward(const T* x, int64_t wide, const float* b, T* y, uint8_t* signs, int64_t pixels, int64_t c, float slope) {
  for (int64_t p = 0; p < pixels; p++, x += 2 * c, y += c, signs += c) {
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float h0 = load(x[i]) + b[i], h1 = load(x[c + i]) + b[i];
      float h2 = load(x[wide + i]) + b[i], h3 = load(x[wide + c + i]) + b[i];
      float sum = (h0 > 0 ? h0 : h0 * slope) + (h1 > 0 ? h1 : h1 * slope) + (h2 > 0 ? h2 : h2 * slope) +
                  (h3 > 0 ? h3 : h3 * slope);
      store(y + i, 0.25f * sum);
      signs[i] = static_cast<uint8_t>((h0 > 0 ? 1 : 0) | (h1 > 0 ? 2 : 0) | (h2 > 0 ? 4 : 0) | (h3 > 0 ? 8 : 0));
    }
  }
}

template <typename T>
void poolBackward(const T* dy, const uint8_t* signs, T* dx, int64_t wide, float* db, int64_t pixels, int64_t c, float slope) {
  for (int64_t p = 0; p < pixels; p++, dy += c, signs += c, dx += 2 * c) {
#pragma omp simd
    for (int64_t i = 0; i < c; i++) {
      float up = 0.25f * load(dy[i]), low = up * slope;
      uint32_t s = signs[i];
      float g0 = s & 1 ? up : low, g1 = s & 2 ? up : low, g2 = s & 4 ? up : low, g3 = s & 8 ? up : low;
      store(dx + i, g0);
      store(dx + c + i, g1);
      store(dx + wide + i, g2);
      store(dx + wide + c + i, g3);
      db[i] += (g0 + g1) + (g2 + g3);
    }
  }
}

template <typename T>
void fade(const T* before, const T* now, T* y, int64_t n, float alpha) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    float from = load(before[i]);
    store(y + i, from + alpha * (load(now[i]) - from));
  }
}

template <typename From, typename To>
void scaled(const From* x, To* y, int64_t n, float scale) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) store(y + i, load(x[i]) * scale);
}

/// Which of the three taps of a row a tap of a 2x2 kernel sums: even output pixels see taps {0}, {1, 2}, odd ones {0, 1}, {2}.
constexpr int kFirst[2][2] = {{0, 1}, {0, 2}};
constexpr int kLast[2][2] = {{0, 2}, {1, 2}};

template <typename T>
void foldKernel(const float* w, T* y, int64_t phaseStep, int64_t c, float scale) {
  for (int phase = 0; phase < 4; phase++) {
    for (int tap = 0; tap < 4; tap++) {
      int a = phase / 2, b = phase % 2, row = tap / 2, column = tap % 2;
      // One, two or four taps; a tap taken twice is weighed half.
      int top = kFirst[a][row], bottom = kLast[a][row], left = kFirst[b][column], right = kLast[b][column];
      const float *w0 = w + (3 * top + left) * c, *w1 = w + (3 * top + right) * c;
      const float *w2 = w + (3 * bottom + left) * c, *w3 = w + (3 * bottom + right) * c;
      float share = scale * (top == bottom ? 0.5f : 1.0f) * (left == right ? 0.5f : 1.0f);
      T* to = y + phase * phaseStep + tap * c;
#pragma omp simd
      for (int64_t i = 0; i < c; i++) store(to + i, ((w0[i] + w1[i]) + (w2[i] + w3[i])) * share);
    }
  }
}

template <typename T>
void unfoldKernel(const T* dy, int64_t phaseStep, float* dw, int64_t c, float scale) {
  constexpr int holder[2][3] = {{0, 1, 1}, {0, 0, 1}};  // which tap of a 2x2 kernel holds tap 0, 1, 2
  for (int y = 0; y < 3; y++) {
    for (int x = 0; x < 3; x++) {
      const T* from[4];
      for (int phase = 0; phase < 4; phase++) {
        from[phase] = dy + phase * phaseStep + (2 * holder[phase / 2][y] + holder[phase % 2][x]) * c;
      }
      const T *d0 = from[0], *d1 = from[1], *d2 = from[2], *d3 = from[3];
      float* to = dw + (3 * y + x) * c;
#pragma omp simd
      for (int64_t i = 0; i < c; i++) to[i] = ((load(d0[i]) + load(d1[i])) + (load(d2[i]) + load(d3[i]))) * scale;
    }
  }
}

template <typename T>
double dot(const T* x, const float* y, int64_t n) {
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += 1024) {
    int64_t end = begin + 1024 < n ? begin + 1024 : n;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) sum += load(x[i]) * y[i];
    total += sum;
  }
  return total;
}

template <typename T>
void spectralBackward(const T* dy, const float* v, const float* q, float* dw, int64_t n, float a, float b, float c) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) dw[i] = a * load(dy[i]) - b * v[i] - c * q[i];
}

/// B' t B with B' = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1]
template <typename T>
void tileToFactors(const T* const* pixels, T* factors, int64_t step, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    float t[16];
    for (int x = 0; x < 4; x++) {
      float p0 = load(pixels[x][i]), p1 = load(pixels[4 + x][i]), p2 = load(pixels[8 + x][i]), p3 = load(pixels[12 + x][i]);
      t[x] = p0 - p2, t[4 + x] = p1 + p2, t[8 + x] = p2 - p1, t[12 + x] = p1 - p3;
    }
    for (int y = 0; y < 16; y += 4) {
      T* to = factors + y * step + i;
      store(to, t[y] - t[y + 2]);
      store(to + step, t[y + 1] + t[y + 2]);
      store(to + 2 * step, t[y + 2] - t[y + 1]);
      store(to + 3 * step, t[y + 1] - t[y + 3]);
    }
  }
}

/// A' m A with A' = [1 1 1 0; 0 1 -1 -1]
template <typename T>
void productsToTile(const T* products, int64_t step, T* const* pixels, int64_t c) {
  T *y0 = pixels[0], *y1 = pixels[1], *y2 = pixels[2], *y3 = pixels[3];
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    auto at = [&](int64_t y, int64_t x) { return load(products[(4 * y + x) * step + i]); };
    auto top = [&](int64_t x) { return at(0, x) + (at(1, x) + at(2, x)); };
    auto low = [&](int64_t x) { return (at(1, x) - at(2, x)) - at(3, x); };
    float top0 = top(0), top1 = top(1), top2 = top(2), top3 = top(3), low0 = low(0), low1 = low(1), low2 = low(2), low3 = low(3);
    store(y0 + i, top0 + (top1 + top2));
    store(y1 + i, (top1 - top2) - top3);
    store(y2 + i, low0 + (low1 + low2));
    store(y3 + i, (low1 - low2) - low3);
  }
}

/// A p A'
template <typename T>
void tileToProducts(const T* const* pixels, T* products, int64_t step, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    float t[8];
    for (int x = 0; x < 2; x++) {
      float p0 = load(pixels[x][i]), p1 = load(pixels[2 + x][i]);
      t[x] = p0, t[2 + x] = p0 + p1, t[4 + x] = p0 - p1, t[6 + x] = -p1;
    }
    for (int y = 0; y < 4; y++) {
      T* to = products + 4 * y * step + i;
      float p0 = t[2 * y], p1 = t[2 * y + 1];
      store(to, p0);
      store(to + step, p0 + p1);
      store(to + 2 * step, p0 - p1);
      store(to + 3 * step, -p1);
    }
  }
}

/// G w G' with G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]; of the kernel turned by half a turn where `flipped`.
template <typename T>
void kernelToFactors(const T* w, T* factors, int64_t step, int64_t c, bool flipped) {
  const int64_t first = flipped ? 8 : 0, next = flipped ? -1 : 1;
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    float t[12];
    for (int x = 0; x < 3; x++) {
      const T* from = w + (first + next * x) * c + i;
      float w0 = load(from[0]), w1 = 0.5f * load(from[3 * next * c]), w2 = load(from[6 * next * c]), half = 0.5f * (w0 + w2);
      t[x] = w0, t[3 + x] = half + w1, t[6 + x] = half - w1, t[9 + x] = w2;
    }
    for (int y = 0; y < 4; y++) {
      T* to = factors + 4 * y * step + i;
      float w0 = t[3 * y], w1 = 0.5f * t[3 * y + 1], w2 = t[3 * y + 2], half = 0.5f * (w0 + w2);
      store(to, w0);
      store(to + step, half + w1);
      store(to + 2 * step, half - w1);
      store(to + 3 * step, w2);
    }
  }
}

/// G' f G
template <typename T>
void factorsToKernel(const float* factors, int64_t step, T* w, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    auto at = [&](int64_t y, int64_t x) { return factors[(4 * y + x) * step + i]; };
    auto sum = [&](int64_t x) { return 0.5f * (at(1, x) + at(2, x)); };
    auto row = [&](int64_t y, float f0, float f1, float f2, float f3) {
      T* to = w + 3 * y * c + i;
      float half = 0.5f * (f1 + f2);
      store(to, f0 + half);
      store(to + c, 0.5f * (f1 - f2));
      store(to + 2 * c, half + f3);
    };
    float sum0 = sum(0), sum1 = sum(1), sum2 = sum(2), sum3 = sum(3);
    row(0, at(0, 0) + sum0, at(0, 1) + sum1, at(0, 2) + sum2, at(0, 3) + sum3);
    row(1, 0.5f * (at(1, 0) - at(2, 0)), 0.5f * (at(1, 1) - at(2, 1)), 0.5f * (at(1, 2) - at(2, 2)), 0.5f * (at(1, 3) - at(2, 3)));
    row(2, sum0 + at(3, 0), sum1 + at(3, 1), sum2 + at(3, 2), sum3 + at(3, 3));
  }
}

// The same of an image enlarged twofold by repetition: in 4x4 pixels of it the middle two of a row are one, so one factor of four
// is always zero, and 9 are left of the 16. The patch is 3x3 pixels of the small image.

/// D p D' with D = [1 -1 0; 0 1 0; 0 1 -1]
template <typename T>
void patchToFactors9(const T* const* pixels, T* factors, int64_t step, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    float t[9];
    for (int x = 0; x < 3; x++) {
      float p0 = load(pixels[x][i]), p1 = load(pixels[3 + x][i]), p2 = load(pixels[6 + x][i]);
      t[x] = p0 - p1, t[3 + x] = p1, t[6 + x] = p1 - p2;
    }
    for (int y = 0; y < 9; y += 3) {
      T* to = factors + y * step + i;
      store(to, t[y] - t[y + 1]);
      store(to + step, t[y + 1]);
      store(to + 2 * step, t[y + 1] - t[y + 2]);
    }
  }
}

/// A' m A with A' = [1 1 0; 0 1 -1]
template <typename T>
void products9ToTile(const T* products, int64_t step, T* const* pixels, int64_t c) {
  T *y0 = pixels[0], *y1 = pixels[1], *y2 = pixels[2], *y3 = pixels[3];
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    auto at = [&](int64_t y, int64_t x) { return load(products[(3 * y + x) * step + i]); };
    float m0 = at(1, 0), m1 = at(1, 1), m2 = at(1, 2);
    float top0 = at(0, 0) + m0, top1 = at(0, 1) + m1, top2 = at(0, 2) + m2;
    float low0 = m0 - at(2, 0), low1 = m1 - at(2, 1), low2 = m2 - at(2, 2);
    store(y0 + i, top0 + top1);
    store(y1 + i, top1 - top2);
    store(y2 + i, low0 + low1);
    store(y3 + i, low1 - low2);
  }
}

/// A p A'
template <typename T>
void tileToProducts9(const T* const* pixels, T* products, int64_t step, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    float t[6];
    for (int x = 0; x < 2; x++) {
      float p0 = load(pixels[x][i]), p1 = load(pixels[2 + x][i]);
      t[x] = p0, t[2 + x] = p0 + p1, t[4 + x] = -p1;
    }
    for (int y = 0; y < 3; y++) {
      T* to = products + 3 * y * step + i;
      float p0 = t[2 * y], p1 = t[2 * y + 1];
      store(to, p0);
      store(to + step, p0 + p1);
      store(to + 2 * step, -p1);
    }
  }
}

/// The way back to the small image: B' without its third row.
template <typename T>
void tileToFactors9(const T* const* pixels, T* factors, int64_t step, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    float t[12];
    for (int x = 0; x < 4; x++) {
      float p0 = load(pixels[x][i]), p1 = load(pixels[4 + x][i]), p2 = load(pixels[8 + x][i]), p3 = load(pixels[12 + x][i]);
      t[x] = p0 - p2, t[4 + x] = p1 + p2, t[8 + x] = p1 - p3;
    }
    for (int y = 0; y < 3; y++) {
      T* to = factors + 3 * y * step + i;
      float p0 = t[4 * y], p1 = t[4 * y + 1], p2 = t[4 * y + 2], p3 = t[4 * y + 3];
      store(to, p0 - p2);
      store(to + step, p1 + p2);
      store(to + 2 * step, p1 - p3);
    }
  }
}

/// The sum of the four pixels that came of one: s' m s with s = [1 1 -1].
template <typename T>
void products9ToPixel(const T* products, int64_t step, T* const* pixels, int64_t c) {
  T* y = pixels[0];
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    auto at = [&](int64_t x) { return load(products[x * step + i]) + load(products[(3 + x) * step + i]) - load(products[(6 + x) * step + i]); };
    store(y + i, at(0) + at(1) - at(2));
  }
}

/// H w H' with H = [1 0 0; 1 1 1; 0 0 1]
template <typename T>
void kernelToFactors9(const T* w, T* factors, int64_t step, int64_t c, bool flipped) {
  const int64_t first = flipped ? 8 * c : 0, next = flipped ? -c : c;
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    auto at = [&](int64_t y, int64_t x) { return load(w[first + (3 * y + x) * next + i]); };
    auto row = [&](int64_t y, float w0, float w1, float w2) {
      T* to = factors + 3 * y * step + i;
      store(to, w0);
      store(to + step, w0 + w1 + w2);
      store(to + 2 * step, w2);
    };
    float a0 = at(0, 0), a1 = at(0, 1), a2 = at(0, 2), c0 = at(2, 0), c1 = at(2, 1), c2 = at(2, 2);
    row(0, a0, a1, a2);
    row(1, a0 + at(1, 0) + c0, a1 + at(1, 1) + c1, a2 + at(1, 2) + c2);
    row(2, c0, c1, c2);
  }
}

/// H' f H
template <typename T>
void factors9ToKernel(const float* factors, int64_t step, T* w, int64_t c) {
#pragma omp simd
  for (int64_t i = 0; i < c; i++) {
    auto at = [&](int64_t y, int64_t x) { return factors[(3 * y + x) * step + i]; };
    auto row = [&](int64_t y, float f0, float f1, float f2) {
      T* to = w + 3 * y * c + i;
      store(to, f0 + f1);
      store(to + c, f1);
      store(to + 2 * c, f1 + f2);
    };
    float f0 = at(1, 0), f1 = at(1, 1), f2 = at(1, 2);
    row(0, at(0, 0) + f0, at(0, 1) + f1, at(0, 2) + f2);
    row(1, f0, f1, f2);
    row(2, f0 + at(2, 0), f1 + at(2, 1), f2 + at(2, 2));
  }
}

template <typename Copy>
void adamInto(float* p, const float* g, float* m, float* v, Copy copy, int64_t n, AdamNumbers numbers) {
  auto [beta1, rest1, beta2, rest2, rate, secondCorrection, epsilon] = numbers;
  const bool first = m != nullptr;
#pragma omp simd
  for (int64_t i = 0; i < n; i++) {
    float gradient = g[i];
    float second = beta2 * v[i] + rest2 * gradient * gradient;
    v[i] = second;
    float moment = gradient;
    if (first) m[i] = moment = beta1 * m[i] + rest1 * gradient;
    float value = p[i] - rate * moment / (std::sqrt(second) * secondCorrection + epsilon);
    p[i] = value;
    copy(i, value);
  }
}

void adam(float* p, const float* g, float* m, float* v, float* copy, Bf16* copy16, float scale, int64_t n, AdamNumbers numbers) {
  if (copy16) adamInto(p, g, m, v, [=](int64_t i, float value) { store(copy16 + i, value * scale); }, n, numbers);
  else if (copy) adamInto(p, g, m, v, [=](int64_t i, float value) { copy[i] = value * scale; }, n, numbers);
  else adamInto(p, g, m, v, [](int64_t, float) {}, n, numbers);
}

void lerp(float* average, const float* value, int64_t n, float weight) { fade(average, value, average, n, weight); }

template <typename T>
constexpr PixelKernels<T> pixelKernels() {
  return {pixelNormForward<T>, pixelNormBackward<T>, biasForward<T>, biasBackward<T>, poolForward<T>,
          poolBackward<T>,     fade<T>,              scaled<T, float>, scaled<float, T>, foldKernel<T>,
          unfoldKernel<T>,     dot<T>,
          {16, 4, 2, 2, tileToFactors<T>, productsToTile<T>, tileToProducts<T>, kernelToFactors<T>, factorsToKernel<T>},
          {9, 3, 1, 2, patchToFactors9<T>, products9ToTile<T>, tileToProducts9<T>, kernelToFactors9<T>, factors9ToKernel<T>},
          {9, 4, 2, 1, tileToFactors9<T>, products9ToPixel<T>, nullptr, kernelToFactors9<T>, nullptr},
          spectralBackward<T>};
}

}  // namespace

extern const Kernels PIONEER_KERNELS;
const Kernels PIONEER_KERNELS = {pixelKernels<float>(), pixelKernels<Bf16>(), adam, lerp};

}  // namespace pioneer
