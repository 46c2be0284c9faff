// Updates of parameters on the processor: cut into pieces, each given to a loop of loops.inc.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/cpu.h"
#include "kernels/parameters/checks.h"

namespace pioneer::cpu {
namespace {

/// A piece of one tensor of a list.
struct Piece {
  size_t tensor;
  int64_t begin, end;
};

/// Pieces of all tensors, so that many small ones and few large ones keep all threads busy alike.
std::vector<Piece> piecesOf(at::TensorList tensors) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < tensors.size(); i++) {
    for (int64_t begin = 0; begin < tensors[i].numel(); begin += kElements) {
      pieces.push_back({i, begin, std::min(tensors[i].numel(), begin + kElements)});
    }
  }
  return pieces;
}

template <typename Body>
void forTensors(at::TensorList tensors, Body body) {
  auto pieces = piecesOf(tensors);
  at::parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) body(pieces[i].tensor, pieces[i].begin, pieces[i].end - pieces[i].begin);
  });
}

void adam_(at::TensorList parameters, at::TensorList gradients, at::TensorList first, at::TensorList second,
           at::TensorList copies, at::ArrayRef<double> copyScales, const Tensor& rates, double beta1, double beta2,
           double eps) {
  auto aligned = checkAdam(parameters, gradients, first, second, copies, copyScales.size(), rates, beta1);
  const float* rate = data<float>(rates);
  forTensors(parameters, [&](size_t i, int64_t at, int64_t n) {
    bool has = copies[i].numel() > 0, half = has && copies[i].scalar_type() == at::kBFloat16;
    AdamNumbers numbers{static_cast<float>(beta1),
                        static_cast<float>(1 - beta1),
                        static_cast<float>(beta2),
                        static_cast<float>(1 - beta2),
                        rate[2 * i],
                        rate[2 * i + 1],
                        static_cast<float>(eps)};
    loops().parameters.adam(data<float>(parameters[i]) + at, data<float>(aligned[i]) + at,
                            beta1 > 0 ? data<float>(first[i]) + at : nullptr, data<float>(second[i]) + at,
                            has && !half ? data<float>(copies[i]) + at : nullptr,
                            half ? data<Bf16>(copies[i]) + at : nullptr, static_cast<float>(copyScales[i]), n, numbers);
  });
  noteWritten(parameters);
  noteWritten(copies);
}

void ema_(at::TensorList averages, at::TensorList values, double weight) {
  auto aligned = checkEma(averages, values);
  forTensors(averages, [&](size_t i, int64_t at, int64_t n) {
    loops().parameters.lerp(data<float>(averages[i]) + at, data<float>(aligned[i]) + at, n, static_cast<float>(weight));
  });
  noteWritten(averages);
}

}  // namespace
}  // namespace pioneer::cpu

TORCH_LIBRARY_IMPL(pioneer, CPU, library) {
  library.impl("adam_", pioneer::cpu::adam_);
  library.impl("ema_", pioneer::cpu::ema_);
}
