// The passes of fused.cc on CUDA: one kernel for each, nothing that waits for the device, and no result that depends on
// scheduling (sums over pixels are taken piece by piece, then added). Meaning and layouts are those of fused-cpu.cc.
//
// Kernels come in three shapes. Columns: a thread keeps to one channel and walks down the rows of a piece, so that a warp
// reads 32 neighbouring channels. Warps: one for each pixel, where all its channels are needed. Elements: one after another.
#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>

#include "kernels/checks.h"

#ifdef PIONEER_SERIAL_CUDA  // test/cuda: the same kernels on the processor
#include "serial.h"
#else
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

namespace pioneer {
namespace {
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  kernel<<<grid, block, shared, c10::cuda::getCurrentCUDAStream()>>>(static_cast<Parameters>(arguments)...);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}
}  // namespace
}  // namespace pioneer
#endif

namespace pioneer {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kWarps = kThreads / kWarp;
constexpr int64_t kBlocks = 2048;     // enough for any device of today; more work goes round again
constexpr int64_t kPieces = 512;      // at most, of a sum over pixels
constexpr int64_t kRows = 64;         // at least, in a piece
constexpr int64_t kChunk = 16384;     // numbers of a parameter that one block updates
constexpr size_t kShared = 48 << 10;  // bytes that every device has

template <typename T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Runs body with a null pointer that tells the element type.
template <typename Body>
void byType(at::ScalarType type, Body body) {
  if (type == at::kFloat) body(static_cast<float*>(nullptr));
  else body(static_cast<at::BFloat16*>(nullptr));
}
#define ELEMENT std::remove_pointer_t<decltype(type)>

int64_t pieceCount(int64_t count, int64_t size) { return (count + size - 1) / size; }
unsigned blocksFor(int64_t count, int64_t size) { return static_cast<unsigned>(std::min(pieceCount(count, size), kBlocks)); }

template <typename T>
__device__ float read(const T* x) {
  return static_cast<float>(*x);
}
template <typename T>
__device__ void write(T* to, float value) {
  *to = static_cast<T>(value);
}
__device__ float lrelu(float t, float slope) { return t > 0 ? t : t * slope; }

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
      : c(c), rows(rows), rowsInPiece(std::max(kRows, pieceCount(rows, kPieces))), pieces(pieceCount(rows, rowsInPiece)) {}
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
__device__ void writeColumnSum(const Columns& columns, float sum, float* db) {
  extern __shared__ float gathered[];
  gathered[threadIdx.y * kWarp + threadIdx.x] = sum;
  __syncthreads();
  int64_t channel = blockIdx.x * int64_t{kWarp} + threadIdx.x;
  if (threadIdx.y != 0 || channel >= columns.c) return;
  for (int warp = 1; warp < kWarps; warp++) sum += gathered[warp * kWarp + threadIdx.x];
  db[blockIdx.y * columns.c + channel] = sum;
}
constexpr size_t kColumnSums = kThreads * sizeof(float);

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
__device__ int64_t pooledFrom(int64_t row, int64_t channel, int64_t width, int64_t c) {
  int64_t half = width / 2;
  return (row / half * 2 * width + row % half * 2) * c + channel;
}

/// y = mean over 2x2 of lrelu(x + b), and the signs of the four. Rows are those of y, width is that of x.
template <typename T>
__global__ void poolForwardKernel(Columns columns, const T* x, int64_t width, const float* b, T* y, uint8_t* signs, float slope) {
  downTheRows(columns, [&](int64_t row, int64_t channel) {
    int64_t c = columns.c, i = row * c + channel, from = pooledFrom(row, channel, width, c);
    float h0 = read(x + from) + b[channel], h1 = read(x + from + c) + b[channel];
    float h2 = read(x + from + width * c) + b[channel], h3 = read(x + from + width * c + c) + b[channel];
    write(y + i, 0.25f * (lrelu(h0, slope) + lrelu(h1, slope) + lrelu(h2, slope) + lrelu(h3, slope)));
    signs[i] = static_cast<uint8_t>((h0 > 0 ? 1 : 0) | (h1 > 0 ? 2 : 0) | (h2 > 0 ? 4 : 0) | (h3 > 0 ? 8 : 0));
  });
}

template <typename T>
__global__ void poolBackwardKernel(Columns columns, const T* dy, const uint8_t* signs, T* dx, int64_t width, float* db, float slope) {
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

// ---- Warps ----

/// Where the channels of a pixel of y begin in x: in the same place, or as in [batch, 4C, h + 1, w + 1]; see fused.cc.
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
__global__ void pixelNormForwardKernel(Lay lay, int64_t pixels, const T* x, const float* b, T* y, float* scale, float slope, float eps) {
  int lane = threadIdx.x % kWarp;
  for (int64_t pixel = blockIdx.x * int64_t{kWarps} + threadIdx.x / kWarp; pixel < pixels; pixel += int64_t{gridDim.x} * kWarps) {
    const T* from = x + lay.inX(pixel);
    float sum = 0;
    for (int64_t i = lane; i < lay.c; i += kWarp) {
      float h = read(from + i) + b[i];
      sum += h * h;
    }
    float s = 1.0f / sqrtf(warpSum(sum) / static_cast<float>(lay.c) + eps);
    if (lane == 0) scale[pixel] = s;
    for (int64_t i = lane; i < lay.c; i += kWarp) write(y + pixel * lay.c + i, lrelu((read(from + i) + b[i]) * s, slope));
  }
}

/// dx = s (dn - n mean(dn n)), dn = dy lrelu'(n), n = y or y / slope; dn n is dy y. A block sums its pixels' dx into its row
/// of db; each of its warps has its own sums in shared memory, and each lane its own channels.
template <typename T>
__global__ void pixelNormBackwardKernel(Lay lay, int64_t pixels, const T* dy, const T* y, const float* scale, T* dx, float* db, float slope) {
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

/// Zeros where the four 2x2 convolutions computed pixels that nobody reads: the last row of a = 0, the first of a = 1, and so
/// for columns. height and width are those of x; a warp for each pixel and phase, the corner twice.
template <typename T>
__global__ void clearUnreadKernel(T* dx, int64_t count, int64_t height, int64_t width, int64_t c) {
  for (int64_t index = blockIdx.x * int64_t{kWarps} + threadIdx.x / kWarp; index < count; index += int64_t{gridDim.x} * kWarps) {
    int64_t along = index % (height + width), phase = index / (height + width) % 4, image = index / (height + width) / 4;
    int64_t y = phase / 2 ? 0 : height - 1, x = phase % 2 ? 0 : width - 1;
    if (along < width) x = along;
    else y = along - width;
    T* to = dx + (((image * height + y) * width + x) * 4 + phase) * c;
    for (int64_t i = threadIdx.x % kWarp; i < c; i += kWarp) write(to + i, 0);
  }
}

// ---- Elements ----

/// Calls body(i) for i below count, neighbours side by side.
template <typename Body>
__device__ void forElements(int64_t count, Body body) {
  for (int64_t i = blockIdx.x * int64_t{blockDim.x} + threadIdx.x; i < count; i += int64_t{gridDim.x} * blockDim.x) body(i);
}

template <typename T>
__global__ void fadeKernel(int64_t count, const T* before, const T* now, T* y, float alpha) {
  forElements(count, [&](int64_t i) {
    float from = read(before + i);
    write(y + i, from + alpha * (read(now + i) - from));
  });
}

/// y = x scale, and divided by *divisor if there is one.
template <typename From, typename To>
__global__ void scaleKernel(int64_t count, const From* x, To* y, float scale, const float* divisor) {
  if (divisor) scale /= *divisor;
  forElements(count, [&](int64_t i) { write(y + i, read(x + i) * scale); });
}

/// Which of the three taps of a row a tap of a 2x2 kernel sums: even output pixels see taps {0}, {1, 2}, odd ones {0, 1}, {2}.
__device__ int firstTap(int odd, int tap) { return tap == 0 ? 0 : odd ? 2 : 1; }
__device__ int lastTap(int odd, int tap) { return tap == 1 ? 2 : odd ? 1 : 0; }

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
__global__ void spectralBackwardKernel(int64_t count, int64_t length, const T* dy, const float* u, const float* v, const float* next,
                                       const float* q, const float* sigma, const double* dot, float* dw) {
  double s = *sigma, common = *dot / (s * s);
  float a = static_cast<float>(1 / s);
  forElements(count, [&](int64_t i) {
    int64_t o = i / length, j = i % length;
    dw[i] = a * read(dy + i) - static_cast<float>(common * next[o]) * v[j] - static_cast<float>(common * u[o]) * q[j];
  });
}

// ---- Many tensors in one launch ----

/// Travels as a kernel's argument (at most 4 KB), so that nothing has to be copied to the device before. Block b updates the
/// chunk b - first[i] of the tensor i whose range holds b.
template <typename Entry>
struct Table {
  static constexpr int kMost = 4000 / (sizeof(Entry) + sizeof(int)) - 1;
  int count = 0;
  int first[kMost + 1] = {0};
  Entry entries[kMost];
};

/// Calls body(entry, i) for the elements of this block's chunk.
template <typename Entry, typename Body>
__device__ void forChunk(const Table<Entry>& table, Body body) {
  int tensor = 0;
  while (static_cast<int>(blockIdx.x) >= table.first[tensor + 1]) tensor++;
  const Entry& entry = table.entries[tensor];
  int64_t begin = (blockIdx.x - table.first[tensor]) * kChunk;
  int64_t end = begin + kChunk < entry.count ? begin + kChunk : entry.count;
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) body(entry, i);
}

/// Launches a kernel over entryOf(i) of all tensors that have elements, as few times as the tables allow.
template <typename Entry, typename EntryOf, typename... Numbers>
void forTensors(void (*kernel)(Table<Entry>, Numbers...), size_t count, EntryOf entryOf, Numbers... numbers) {
  Table<Entry> table;
  auto flush = [&] {
    launch(kernel, dim3(static_cast<unsigned>(table.first[table.count])), dim3(kThreads), 0, table, numbers...);
    table.count = 0;
  };
  for (size_t i = 0; i < count; i++) {
    Entry entry = entryOf(i);
    if (entry.count == 0) continue;
    table.entries[table.count] = entry;
    table.first[table.count + 1] = table.first[table.count] + static_cast<int>(pieceCount(entry.count, kChunk));
    if (++table.count == Table<Entry>::kMost) flush();
  }
  flush();
}

/// One parameter of Adam; m and the copies may be null.
struct AdamEntry {
  float *p, *m, *v, *copy;
  const float* g;
  at::BFloat16* copy16;
  int64_t count;
  const float* rates;
  float copyScale;
};

__global__ void adamKernel(const __grid_constant__ Table<AdamEntry> table, float beta1, float rest1, float beta2, float rest2,
                           float epsilon) {
  forChunk(table, [&](const AdamEntry& entry, int64_t i) {
    float gradient = entry.g[i];
    float second = beta2 * entry.v[i] + rest2 * gradient * gradient;
    entry.v[i] = second;
    float moment = gradient;
    if (entry.m) entry.m[i] = moment = beta1 * entry.m[i] + rest1 * gradient;
    float value = entry.p[i] - entry.rates[0] * moment / (sqrtf(second) * entry.rates[1] + epsilon);
    entry.p[i] = value;
    if (entry.copy) entry.copy[i] = value * entry.copyScale;
    if (entry.copy16) write(entry.copy16 + i, value * entry.copyScale);
  });
}

struct AverageEntry {
  float* average;
  const float* value;
  int64_t count;
};

__global__ void averageKernel(const __grid_constant__ Table<AverageEntry> table, float weight) {
  forChunk(table, [&](const AverageEntry& entry, int64_t i) {
    float from = entry.average[i];
    entry.average[i] = from + weight * (entry.value[i] - from);
  });
}

// ---- The operators ----

Tensor sums(int64_t pieces, int64_t channels, const Tensor& like) {
  return at::empty({pieces, channels}, like.options().dtype(at::kFloat).memory_format(c10::nullopt));
}

Lay layOf(const Tensor& y, bool upsampled) {
  return upsampled ? Lay{y.size(1), y.size(2), y.size(3), true} : Lay{y.size(1), 1, 1, false};
}

Pair pixelNormForward(const Tensor& input, const Tensor& inputBias, double slope, double eps, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  c10::DeviceGuard guard(input.device());
  auto x = upsampled ? asImage(input, name) : asRows(input, name);
  TORCH_CHECK(!upsampled || (x.size(1) > 0 && x.size(1) % 4 == 0 && x.size(2) > 1 && x.size(3) > 1), name, ": expected [batch, 4C, h + 1, w + 1], got ",
              x.sizes());
  int64_t c = upsampled ? x.size(1) / 4 : x.size(1);
  auto bias = checkedBias(inputBias, x, c, name);
  auto y = upsampled ? at::empty({x.size(0), c, 2 * (x.size(2) - 1), 2 * (x.size(3) - 1)}, x.options(), format(x)) : at::empty_like(x);
  int64_t pixels = pixelsOf(y);
  auto scale = at::empty({pixels}, bias.options());
  byType(x.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(pixelNormForwardKernel<T>, dim3(blocksFor(pixels, kWarps)), dim3(kThreads), 0, layOf(y, upsampled), pixels, data<T>(x),
           data<float>(bias), data<T>(y), data<float>(scale), slope, eps);
  });
  return {y, scale};
}

Pair pixelNormBackward(const Tensor& gradient, const Tensor& y, const Tensor& scale, double slope, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  c10::DeviceGuard guard(y.device());
  auto dy = asRows(gradient, name);
  checkSame(dy, y, name);
  checkPixelNormKept(y, scale, upsampled);
  int64_t c = y.size(1), pixels = pixelsOf(y), height = upsampled ? y.size(2) / 2 + 1 : 0, width = upsampled ? y.size(3) / 2 + 1 : 0;
  auto dx = upsampled ? at::empty({y.size(0), 4 * c, height, width}, y.options(), format(y)) : at::empty_like(y);
  // As many warps in a block as their sums leave room for.
  size_t rowBytes = static_cast<size_t>(c) * sizeof(float);
  int warps = static_cast<int>(std::min<size_t>(kWarps, kShared / std::max<size_t>(1, rowBytes)));
  TORCH_CHECK(warps > 0, name, ": expected at most ", kShared / sizeof(float), " channels on CUDA, got ", c);
  auto blocks = static_cast<unsigned>(std::min(pieceCount(pixels, 2 * warps), kPieces));
  auto db = sums(blocks, c, y);
  byType(y.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(pixelNormBackwardKernel<T>, dim3(blocks), dim3(warps * kWarp), warps * rowBytes, layOf(y, upsampled), pixels, data<T>(dy),
           data<T>(y), data<float>(scale), data<T>(dx), data<float>(db), slope);
    if (!upsampled) return;
    int64_t unread = y.size(0) * 4 * (height + width);
    launch(clearUnreadKernel<T>, dim3(blocksFor(unread, kWarps)), dim3(kThreads), 0, data<T>(dx), unread, height, width, c);
  });
  return {dx, db.sum(0)};
}

Tensor biasForward(const Tensor& input, const Tensor& inputBias, double slope) {
  c10::DeviceGuard guard(input.device());
  auto x = asRows(input, "bias_lrelu");
  auto bias = checkedBias(inputBias, x, x.size(1), "bias_lrelu");
  auto y = at::empty_like(x);
  Columns columns(x.size(1), pixelsOf(x));
  byType(x.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(biasForwardKernel<T>, columns.grid(), columns.block(), 0, columns, data<T>(x), data<float>(bias), data<T>(y), slope);
  });
  return y;
}

Pair biasBackward(const Tensor& gradient, const Tensor& y, double slope) {
  c10::DeviceGuard guard(y.device());
  auto dy = asRows(gradient, "bias_lrelu");
  checkSame(dy, y, "bias_lrelu");
  checkKept(y, dy.scalar_type(), "bias_lrelu");
  auto dx = at::empty_like(y);
  Columns columns(y.size(1), pixelsOf(y));
  auto db = sums(columns.pieces, columns.c, y);
  byType(y.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(biasBackwardKernel<T>, columns.grid(), columns.block(), kColumnSums, columns, data<T>(dy), data<T>(y), data<T>(dx),
           data<float>(db), slope);
  });
  return {dx, db.sum(0)};
}

Pair poolForward(const Tensor& input, const Tensor& inputBias, double slope) {
  c10::DeviceGuard guard(input.device());
  auto x = asImage(input, "bias_lrelu_pool");
  TORCH_CHECK(x.size(2) % 2 == 0 && x.size(3) % 2 == 0, "bias_lrelu_pool: expected an even height and width, got ", x.sizes());
  int64_t c = x.size(1), width = x.size(3);
  auto bias = checkedBias(inputBias, x, c, "bias_lrelu_pool");
  auto y = at::empty({x.size(0), c, x.size(2) / 2, width / 2}, x.options(), format(x));
  auto signs = at::empty_like(y, y.options().dtype(at::kByte));
  Columns columns(c, pixelsOf(y));
  byType(x.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(poolForwardKernel<T>, columns.grid(), columns.block(), 0, columns, data<T>(x), width, data<float>(bias), data<T>(y),
           data<uint8_t>(signs), slope);
  });
  return {y, signs};
}

Pair poolBackward(const Tensor& gradient, const Tensor& signs, double slope) {
  c10::DeviceGuard guard(signs.device());
  auto dy = asImage(gradient, "bias_lrelu_pool");
  TORCH_CHECK(dy.sizes() == signs.sizes(), "bias_lrelu_pool: expected a gradient ", signs.sizes(), ", got ", dy.sizes());
  checkPlace(dy, signs, "bias_lrelu_pool");
  checkKept(signs, at::kByte, "bias_lrelu_pool");
  int64_t c = dy.size(1), width = 2 * dy.size(3);
  auto dx = at::empty({dy.size(0), c, 2 * dy.size(2), width}, dy.options(), format(dy));
  Columns columns(c, pixelsOf(dy));
  auto db = sums(columns.pieces, c, dy);
  byType(dy.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(poolBackwardKernel<T>, columns.grid(), columns.block(), kColumnSums, columns, data<T>(dy), data<uint8_t>(signs), data<T>(dx),
           width, data<float>(db), slope);
  });
  return {dx, db.sum(0)};
}

Tensor fadeForward(const Tensor& inputBefore, const Tensor& inputNow, double alpha) {
  c10::DeviceGuard guard(inputNow.device());
  auto now = asRows(inputNow, "fade"), before = enlarged(inputBefore, now);
  checkSame(before, now, "fade");
  auto y = at::empty_like(now);
  byType(now.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(fadeKernel<T>, dim3(blocksFor(now.numel(), kThreads)), dim3(kThreads), 0, now.numel(), data<T>(before), data<T>(now), data<T>(y),
           alpha);
  });
  return y;
}

/// w scale / divisor; the divisor is read on the device.
Tensor scaledBy(const Tensor& input, double scale, const float* divisor, at::ScalarType dtype) {
  TORCH_CHECK(isActivation(dtype) && isActivation(input.scalar_type()) && (dtype == at::kFloat || input.scalar_type() == at::kFloat),
              "scaled: expected float32 to float32 or bfloat16, or bfloat16 to float32, got ", input.scalar_type(), " to ", dtype);
  auto w = input.contiguous(format(input));
  auto y = at::empty_like(w, w.options().dtype(dtype));
  dim3 grid(blocksFor(w.numel(), kThreads)), block(kThreads);
  byType(dtype == at::kFloat ? w.scalar_type() : dtype, [&](auto* type) {
    using T = ELEMENT;
    if (dtype == at::kFloat) launch(scaleKernel<T, float>, grid, block, 0, w.numel(), data<T>(w), data<float>(y), scale, divisor);
    else launch(scaleKernel<float, T>, grid, block, 0, w.numel(), data<float>(w), data<T>(y), scale, divisor);
  });
  return y;
}

Tensor scaledForward(const Tensor& w, double scale, at::ScalarType dtype) {
  c10::DeviceGuard guard(w.device());
  return scaledBy(w, scale, nullptr, dtype);
}

Tensor divided(const Tensor& w, const Tensor& sigma, at::ScalarType dtype) {
  c10::DeviceGuard guard(w.device());
  checkPlace(w, sigma, "divided");
  TORCH_CHECK(sigma.numel() == 1 && sigma.scalar_type() == at::kFloat, "divided: expected one float32, got ", sigma.scalar_type(),
              sigma.sizes());
  return scaledBy(w, 1, data<float>(sigma), dtype);
}

Tensor upsampledKernelForward(const Tensor& input, double scale, at::ScalarType dtype) {
  c10::DeviceGuard guard(input.device());
  TORCH_CHECK(input.dim() == 4 && input.size(2) == 3 && input.size(3) == 3 && input.scalar_type() == at::kFloat && isActivation(dtype),
              "upsampled_kernel: expected float32 [out, in, 3, 3] to float32 or bfloat16, got ", input.scalar_type(), input.sizes(), " to ",
              dtype);
  auto w = input.contiguous(at::MemoryFormat::ChannelsLast);
  int64_t out = w.size(0), c = w.size(1);
  auto y = at::empty({4 * out, c, 2, 2}, w.options().dtype(dtype), at::MemoryFormat::ChannelsLast);
  byType(dtype, [&](auto* type) {
    using T = ELEMENT;
    launch(foldKernel<T>, dim3(blocksFor(y.numel(), kThreads)), dim3(kThreads), 0, out, c, data<float>(w), data<T>(y), scale);
  });
  return y;
}

Tensor upsampledKernelBackward(const Tensor& gradient, double scale) {
  c10::DeviceGuard guard(gradient.device());
  auto dy = asImage(gradient, "upsampled_kernel");
  TORCH_CHECK(dy.size(0) % 4 == 0 && dy.size(2) == 2 && dy.size(3) == 2, "upsampled_kernel: expected a gradient [4 out, in, 2, 2], got ",
              dy.sizes());
  int64_t out = dy.size(0) / 4, c = dy.size(1);
  auto dw = at::empty({out, c, 3, 3}, dy.options().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  byType(dy.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(unfoldKernel<T>, dim3(blocksFor(dw.numel(), kThreads)), dim3(kThreads), 0, out, c, data<T>(dy), data<float>(dw), scale);
  });
  return dw;
}

Tensor spectralNormBackward(const Tensor& gradient, const Tensor& weight, const Tensor& u, const Tensor& v, const Tensor& next,
                            const Tensor& q, const Tensor& sigma) {
  c10::DeviceGuard guard(weight.device());
  auto dy = asRows(gradient, "spectral_norm"), w = weight.contiguous(format(weight));
  TORCH_CHECK(dy.sizes() == w.sizes() && w.scalar_type() == at::kFloat, "spectral_norm: expected a gradient ", w.sizes(), ", got ",
              dy.sizes());
  checkPlace(w, dy, "spectral_norm");
  checkSpectralNormKept(w, u, v, next, q, sigma);
  int64_t count = w.numel(), length = w.size(0) == 0 ? 0 : count / w.size(0);
  auto dw = at::empty_like(w);
  dim3 grid(blocksFor(count, kThreads)), block(kThreads);
  auto shares = at::empty({grid.x}, u.options().dtype(at::kDouble));
  byType(dy.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(dotKernel<T>, grid, block, kWarps * sizeof(double), count, data<T>(dy), data<float>(w), data<double>(shares));
    auto dot = shares.sum();
    launch(spectralBackwardKernel<T>, grid, block, 0, count, length, data<T>(dy), data<float>(u), data<float>(v), data<float>(next),
           data<float>(q), data<float>(sigma), data<double>(dot), data<float>(dw));
  });
  return dw;
}

void adam_(at::TensorList parameters, at::TensorList gradients, at::TensorList first, at::TensorList second, at::TensorList copies,
           at::ArrayRef<double> copyScales, const Tensor& rates, double beta1, double beta2, double eps) {
  size_t count = parameters.size();
  auto aligned = checkAdam(parameters, gradients, first, second, copies, copyScales.size(), rates, beta1);
  if (count == 0) return;
  c10::DeviceGuard guard(parameters[0].device());
  auto entry = [&](size_t i) {
    bool has = copies[i].numel() > 0, half = has && copies[i].scalar_type() == at::kBFloat16;
    return AdamEntry{data<float>(parameters[i]),
                     beta1 > 0 ? data<float>(first[i]) : nullptr,
                     data<float>(second[i]),
                     has && !half ? data<float>(copies[i]) : nullptr,
                     data<float>(aligned[i]),
                     half ? data<at::BFloat16>(copies[i]) : nullptr,
                     parameters[i].numel(),
                     data<float>(rates) + 2 * i,
                     static_cast<float>(copyScales[i])};
  };
  forTensors(adamKernel, count, entry, static_cast<float>(beta1), static_cast<float>(1 - beta1), static_cast<float>(beta2),
             static_cast<float>(1 - beta2), static_cast<float>(eps));
  noteWritten(parameters);
  noteWritten(copies);
}

void ema_(at::TensorList averages, at::TensorList values, double weight) {
  auto aligned = checkEma(averages, values);
  if (averages.empty()) return;
  c10::DeviceGuard guard(averages[0].device());
  auto entry = [&](size_t i) { return AverageEntry{data<float>(averages[i]), data<float>(aligned[i]), averages[i].numel()}; };
  forTensors(averageKernel, averages.size(), entry, static_cast<float>(weight));
  noteWritten(averages);
}

}  // namespace
}  // namespace pioneer

#ifndef PIONEER_SERIAL_CUDA
TORCH_LIBRARY_IMPL(pioneer, CUDA, library) {
  library.impl("pixel_norm_lrelu_forward", pioneer::pixelNormForward);
  library.impl("pixel_norm_lrelu_backward", pioneer::pixelNormBackward);
  library.impl("bias_lrelu_forward", pioneer::biasForward);
  library.impl("bias_lrelu_backward", pioneer::biasBackward);
  library.impl("bias_lrelu_pool_forward", pioneer::poolForward);
  library.impl("bias_lrelu_pool_backward", pioneer::poolBackward);
  library.impl("fade_forward", pioneer::fadeForward);
  library.impl("scaled_forward", pioneer::scaledForward);
  library.impl("upsampled_kernel_forward", pioneer::upsampledKernelForward);
  library.impl("upsampled_kernel_backward", pioneer::upsampledKernelBackward);
  library.impl("divided", pioneer::divided);
  library.impl("spectral_norm_backward", pioneer::spectralNormBackward);
  library.impl("adam_", pioneer::adam_);
  library.impl("ema_", pioneer::ema_);
}
#endif
