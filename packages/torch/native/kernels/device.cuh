// What kernels for CUDA share. They come in three shapes. Columns: a thread keeps to one channel and walks down the
// rows of a piece, so that a warp reads 32 neighbouring channels. Warps: one for each pixel, where all its channels are
// needed. Elements: one after another.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#ifdef PIONEER_SERIAL_CUDA  // test/cuda: the same kernels on the processor
#include "serial.h"
#endif

namespace pioneer::cuda {

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int64_t kBlocks = 2048;     // enough for any device of today; more work goes round again
constexpr int64_t kPieces = 512;      // at most, of a sum over pixels
constexpr int64_t kRows = 64;         // at least, in a piece
constexpr int64_t kChunk = 16384;     // numbers of a parameter that one block updates
constexpr size_t kShared = 48 << 10;  // bytes that every device has

inline int64_t pieceCount(int64_t count, int64_t size) { return (count + size - 1) / size; }

template <typename T>
__device__ float read(const T* x) {
  return static_cast<float>(*x);
}
template <typename T>
__device__ void write(T* to, float value) {
  *to = static_cast<T>(value);
}
__device__ inline float lrelu(float t, float slope) { return t > 0 ? t : t * slope; }

template <typename Number>
__device__ Number warpSum(Number value) {
  for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

// ---- Columns ----

/// How rows of c channels are shared out: blocks of 32 channels by 8 rows, one for each piece of rows.
struct Columns {
  int64_t c, rows, rowsInPiece, pieces;
  Columns(int64_t c, int64_t rows)
      : c(c),
        rows(rows),
        rowsInPiece(std::max(kRows, pieceCount(rows, kPieces))),
        pieces(pieceCount(rows, rowsInPiece)) {}
  dim3 grid() const { return dim3(static_cast<unsigned>(pieceCount(c, kWarp)), static_cast<unsigned>(pieces)); }
  dim3 block() const { return dim3(kWarp, kWarps); }
};

/// Calls body(row, channel) for the rows of this thread.
template <typename Body>
__device__ void downTheRows(const Columns& columns, Body body) {
  int64_t channel = blockIdx.x * int64_t{kWarp} + threadIdx.x;
  int64_t begin = blockIdx.y * columns.rowsInPiece;
  int64_t end = begin + columns.rowsInPiece < columns.rows ? begin + columns.rowsInPiece : columns.rows;
  if (channel >= columns.c) return;
  for (int64_t row = begin + threadIdx.y; row < end; row += kWarps) body(row, channel);
}

/// Adds what the block's threads hold of each channel; row `piece` of db is its place.
__device__ inline void writeColumnSum(const Columns& columns, float sum, float* db) {
  extern __shared__ float gathered[];
  gathered[threadIdx.y * kWarp + threadIdx.x] = sum;
  __syncthreads();
  int64_t channel = blockIdx.x * int64_t{kWarp} + threadIdx.x;
  if (threadIdx.y != 0 || channel >= columns.c) return;
  for (int warp = 1; warp < kWarps; warp++) sum += gathered[warp * kWarp + threadIdx.x];
  db[blockIdx.y * columns.c + channel] = sum;
}
constexpr size_t kColumnSums = kThreads * sizeof(float);

// ---- Elements ----

/// Calls body(i) for i below count, neighbours side by side.
template <typename Body>
__device__ void forElements(int64_t count, Body body) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < count; i += int64_t{gridDim.x} * blockDim.x)
    body(i);
}

}  // namespace pioneer::cuda
