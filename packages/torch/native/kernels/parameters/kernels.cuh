// Updates of parameters as kernels for CUDA: many tensors in one launch. Meaning and layouts are those of operators.cc.
#pragma once

#include "kernels/device.cuh"

namespace pioneer::cuda {

/// Travels as a kernel's argument (at most 4 KB), so that nothing has to be copied to the device before. Block b
/// updates the chunk b - first[i] of the tensor i whose range holds b.
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

/// One parameter of Adam; m and the copies may be null.
struct AdamEntry {
  float *p, *m, *v, *copy;
  const float* g;
  at::BFloat16* copy16;
  int64_t count;
  const float* rates;
  float copyScale;
};

static __global__ void adamKernel(const __grid_constant__ Table<AdamEntry> table, float beta1, float rest1, float beta2,
                                  float rest2, float epsilon) {
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

static __global__ void averageKernel(const __grid_constant__ Table<AverageEntry> table, float weight) {
  forChunk(table, [&](const AverageEntry& entry, int64_t i) {
    float from = entry.average[i];
    entry.average[i] = from + weight * (entry.value[i] - from);
  });
}

}  // namespace pioneer::cuda
