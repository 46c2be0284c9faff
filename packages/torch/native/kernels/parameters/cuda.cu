// Updates of parameters on CUDA: one kernel of kernels.cuh for each.
#include "kernels/launch.cuh"
#include "kernels/parameters/checks.h"
#include "kernels/parameters/kernels.cuh"

namespace pioneer::cuda {
namespace {

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

void adam_(at::TensorList parameters, at::TensorList gradients, at::TensorList first, at::TensorList second,
           at::TensorList copies, at::ArrayRef<double> copyScales, const Tensor& rates, double beta1, double beta2,
           double eps) {
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
  forTensors(adamKernel, count, entry, static_cast<float>(beta1), static_cast<float>(1 - beta1),
             static_cast<float>(beta2), static_cast<float>(1 - beta2), static_cast<float>(eps));
  noteWritten(parameters);
  noteWritten(copies);
}

void ema_(at::TensorList averages, at::TensorList values, double weight) {
  auto aligned = checkEma(averages, values);
  if (averages.empty()) return;
  c10::DeviceGuard guard(averages[0].device());
  auto entry = [&](size_t i) {
    return AverageEntry{data<float>(averages[i]), data<float>(aligned[i]), averages[i].numel()};
  };
  forTensors(averageKernel, averages.size(), entry, static_cast<float>(weight));
  noteWritten(averages);
}

}  // namespace
}  // namespace pioneer::cuda

TORCH_LIBRARY_IMPL(pioneer, CUDA, library) {
  library.impl("adam_", pioneer::cuda::adam_);
  library.impl("ema_", pioneer::cuda::ema_);
}
