// The passes over weights as kernels for CUDA. Meaning and layouts are those of operators.cc.
#pragma once

#include "kernels/device.cuh"

namespace pioneer::cuda {

/// y = x scale, and divided by *divisor if there is one.
template <typename From, typename To>
__global__ void scaleKernel(int64_t count, const From* x, To* y, float scale, const float* divisor) {
  if (divisor) scale /= *divisor;
  forElements(count, [&](int64_t i) { write(y + i, read(x + i) * scale); });
}

/// Which of the three taps of a row a tap of a 2x2 kernel sums: even pixels of y see {0}, {1, 2}, odd ones {0, 1}, {2}.
__device__ inline int firstTap(int odd, int tap) { return tap == 0 ? 0 : odd ? 2 : 1; }
__device__ inline int lastTap(int odd, int tap) { return tap == 1 ? 2 : odd ? 1 : 0; }

/// 3x3 kernels [out][3][3][c] to four 2x2 ones, [4][out][2][2][c]. Elements are those of y.
template <typename T>
__global__ void foldKernel(int64_t out, int64_t c, const float* w, T* y, float scale) {
  forElements(16 * out * c, [&](int64_t index) {
    int64_t i = index % c, o = index / c / 4 % out;
    int tap = static_cast<int>(index / c % 4), phase = static_cast<int>(index / c / 4 / out);
    int top = firstTap(phase / 2, tap / 2), bottom = lastTap(phase / 2, tap / 2);
    int left = firstTap(phase % 2, tap % 2), right = lastTap(phase % 2, tap % 2);
    auto at = [&](int row, int column) { return w[(o * 9 + 3 * row + column) * c + i]; };
    // One, two or four taps; a tap taken twice is weighed half.
    float share = scale * (top == bottom ? 0.5f : 1.0f) * (left == right ? 0.5f : 1.0f);
    write(y + index, ((at(top, left) + at(top, right)) + (at(bottom, left) + at(bottom, right))) * share);
  });
}

/// The way back: elements are those of dw [out][3][3][c].
template <typename T>
__global__ void unfoldKernel(int64_t out, int64_t c, const T* dy, float* dw, float scale) {
  // Which tap of a 2x2 kernel holds tap t of three.
  auto holder = [](int odd, int t) { return odd ? t / 2 : (t + 1) / 2; };
  forElements(9 * out * c, [&](int64_t index) {
    int64_t i = index % c, o = index / c / 9;
    int t = static_cast<int>(index / c % 9);
    auto at = [&](int phase) {
      return read(dy + ((phase * out + o) * 4 + 2 * holder(phase / 2, t / 3) + holder(phase % 2, t % 3)) * c + i);
    };
    dw[index] = ((at(0) + at(1)) + (at(2) + at(3))) * scale;
  });
}

/// Each block's share of <x, y>, in float64.
template <typename T>
__global__ void dotKernel(int64_t count, const T* x, const float* y, double* shares) {
  extern __shared__ float gathered[];
  double sum = 0;
  forElements(count, [&](int64_t i) { sum += static_cast<double>(read(x + i) * y[i]); });
  sum = warpSum(sum);
  double* warps = reinterpret_cast<double*>(gathered);
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < kWarps; warp++) sum += warps[warp];
  shares[blockIdx.x] = sum;
}

/// dw = dy / sigma - <dy, w> / sigma^2 (next v' + u q'), row by row of `length` values.
template <typename T>
__global__ void spectralBackwardKernel(int64_t count, int64_t length, const T* dy, const float* u, const float* v,
                                       const float* next, const float* q, const float* sigma, const double* dot,
                                       float* dw) {
  double s = *sigma, common = *dot / (s * s);
  float a = static_cast<float>(1 / s);
  forElements(count, [&](int64_t i) {
    int64_t o = i / length, j = i % length;
    dw[i] = a * read(dy + i) - static_cast<float>(common * next[o]) * v[j] - static_cast<float>(common * u[o]) * q[j];
  });
}

}  // namespace pioneer::cuda
