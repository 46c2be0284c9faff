// The passes over pixels as kernels for CUDA. Meaning and layouts are those of operators.cc.
#pragma once

#include "kernels/device.cuh"

namespace pioneer::cuda {

/// y = lrelu(x + b)
template <typename T>
__global__ void biasForwardKernel(Columns columns, const T* x, const float* b, T* y, float slope) {
  downTheRows(columns, [&](int64_t row, int64_t channel) {
    int64_t i = row * columns.c + channel;
    write(y + i, lrelu(read(x + i) + b[channel], slope));
  });
}

/// dx = dy lrelu'(y), db its sums.
template <typename T>
__global__ void biasBackwardKernel(Columns columns, const T* dy, const T* y, T* dx, float* db, float slope) {
  float sum = 0;
  downTheRows(columns, [&](int64_t row, int64_t channel) {
    int64_t i = row * columns.c + channel;
    float g = read(y + i) > 0 ? read(dy + i) : read(dy + i) * slope;
    write(dx + i, g);
    sum += g;
  });
  writeColumnSum(columns, sum, db);
}

/// The first of the four values that pooled pixel `row` is the mean of.
__device__ inline int64_t pooledFrom(int64_t row, int64_t channel, int64_t width, int64_t c) {
  int64_t half = width / 2;
  return (row / half * 2 * width + row % half * 2) * c + channel;
}

/// y = mean over 2x2 of lrelu(x + b), and the signs of the four. Rows are those of y, width is that of x.
template <typename T>
__global__ void poolForwardKernel(Columns columns, const T* x, int64_t width, const float* b, T* y, uint8_t* signs,
                                  float slope) {
  downTheRows(columns, [&](int64_t row, int64_t channel) {
    int64_t c = columns.c, i = row * c + channel, from = pooledFrom(row, channel, width, c);
    float h0 = read(x + from) + b[channel], h1 = read(x + from + c) + b[channel];
    float h2 = read(x + from + width * c) + b[channel], h3 = read(x + from + width * c + c) + b[channel];
    write(y + i, 0.25f * (lrelu(h0, slope) + lrelu(h1, slope) + lrelu(h2, slope) + lrelu(h3, slope)));
    signs[i] = static_cast<uint8_t>((h0 > 0 ? 1 : 0) | (h1 > 0 ? 2 : 0) | (h2 > 0 ? 4 : 0) | (h3 > 0 ? 8 : 0));
  });
}

template <typename T>
__global__ void poolBackwardKernel(Columns columns, const T* dy, const uint8_t* signs, T* dx, int64_t width, float* db,
                                   float slope) {
  float sum = 0;
  downTheRows(columns, [&](int64_t row, int64_t channel) {
    int64_t c = columns.c, i = row * c + channel, to = pooledFrom(row, channel, width, c);
    float up = 0.25f * read(dy + i), low = up * slope;
    unsigned s = signs[i];
    float g0 = s & 1 ? up : low, g1 = s & 2 ? up : low, g2 = s & 4 ? up : low, g3 = s & 8 ? up : low;
    write(dx + to, g0);
    write(dx + to + c, g1);
    write(dx + to + width * c, g2);
    write(dx + to + width * c + c, g3);
    sum += (g0 + g1) + (g2 + g3);
  });
  writeColumnSum(columns, sum, db);
}

/// Where the channels of a pixel of y begin in x: in the same place, or as in [batch, 4C, h + 1, w + 1].
struct Lay {
  int64_t c, height, width;  // of y
  bool upsampled;
  __device__ int64_t inX(int64_t pixel) const {
    if (!upsampled) return pixel * c;
    int64_t column = pixel % width, line = pixel / width, row = line % height, image = line / height;
    int64_t a = row % 2, b = column % 2;
    int64_t from = (image * (height / 2 + 1) + row / 2 + a) * (width / 2 + 1) + column / 2 + b;
    return (from * 4 + 2 * a + b) * c;
  }
};

/// y = lrelu(h s), h = x + b, s = 1 / sqrt(mean(h^2) + eps); s is kept for the way back.
template <typename T>
__global__ void pixelNormForwardKernel(Lay lay, int64_t pixels, const T* x, const float* b, T* y, float* scale,
                                       float slope, float eps) {
  int lane = threadIdx.x % kWarp;
  for (int64_t pixel = blockIdx.x * int64_t{kWarps} + threadIdx.x / kWarp; pixel < pixels;
       pixel += int64_t{gridDim.x} * kWarps) {
    const T* from = x + lay.inX(pixel);
    float sum = 0;
    for (int64_t i = lane; i < lay.c; i += kWarp) {
      float h = read(from + i) + b[i];
      sum += h * h;
    }
    float s = 1.0f / sqrtf(warpSum(sum) / static_cast<float>(lay.c) + eps);
    if (lane == 0) scale[pixel] = s;
    for (int64_t i = lane; i < lay.c; i += kWarp)
      write(y + pixel * lay.c + i, lrelu((read(from + i) + b[i]) * s, slope));
  }
}

/// dx = s (dn - n mean(dn n)), dn = dy lrelu'(n), n = y or y / slope; dn n is dy y. A block sums its pixels' dx into
/// its row of db; each of its warps has its own sums in shared memory, and each lane its own channels.
template <typename T>
__global__ void pixelNormBackwardKernel(Lay lay, int64_t pixels, const T* dy, const T* y, const float* scale, T* dx,
                                        float* db, float slope) {
  extern __shared__ float gathered[];  // [warps][c]
  const int warps = blockDim.x / kWarp, warp = threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
  const float undo = 1.0f / slope;
  float* sums = gathered + warp * lay.c;
  for (int64_t i = lane; i < lay.c; i += kWarp) sums[i] = 0;
  for (int64_t pixel = blockIdx.x * int64_t{warps} + warp; pixel < pixels; pixel += int64_t{gridDim.x} * warps) {
    const T *up = dy + pixel * lay.c, *out = y + pixel * lay.c;
    T* to = dx + lay.inX(pixel);
    float sum = 0;
    for (int64_t i = lane; i < lay.c; i += kWarp) sum += read(up + i) * read(out + i);
    float mean = warpSum(sum) / static_cast<float>(lay.c), s = scale[pixel];
    for (int64_t i = lane; i < lay.c; i += kWarp) {
      float v = read(out + i), d = read(up + i);
      float g = v > 0 ? s * (d - v * mean) : s * (d * slope - v * undo * mean);
      write(to + i, g);
      sums[i] += g;
    }
  }
  __syncthreads();
  for (int64_t i = threadIdx.x; i < lay.c; i += blockDim.x) {
    float sum = 0;
    for (int other = 0; other < warps; other++) sum += gathered[other * lay.c + i];
    db[blockIdx.x * lay.c + i] = sum;
  }
}

/// Zeros where the four 2x2 convolutions computed pixels that nobody reads: the last row of a = 0, the first of a = 1,
/// and so for columns. height and width are those of x; a warp for each pixel and phase, the corner twice.
template <typename T>
__global__ void clearUnreadKernel(T* dx, int64_t count, int64_t height, int64_t width, int64_t c) {
  for (int64_t index = blockIdx.x * int64_t{kWarps} + threadIdx.x / kWarp; index < count;
       index += int64_t{gridDim.x} * kWarps) {
    int64_t along = index % (height + width), phase = index / (height + width) % 4,
            image = index / (height + width) / 4;
    int64_t y = phase / 2 ? 0 : height - 1, x = phase % 2 ? 0 : width - 1;
    if (along < width) x = along;
    else y = along - width;
    T* to = dx + (((image * height + y) * width + x) * 4 + phase) * c;
    for (int64_t i = threadIdx.x % kWarp; i < c; i += kWarp) write(to + i, 0);
  }
}

template <typename T>
__global__ void fadeKernel(int64_t count, const T* before, const T* now, T* y, float alpha) {
  forElements(count, [&](int64_t i) {
    float from = read(before + i);
    write(y + i, from + alpha * (read(now + i) - from));
  });
}

}  // namespace pioneer::cuda
