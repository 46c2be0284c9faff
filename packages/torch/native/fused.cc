// Pointwise chains of the networks as single passes over memory, registered as ordinary operators with autograd:
//   pioneer::pixel_norm_lrelu(x, bias, slope, eps) = lrelu(h / sqrt(mean over channels of h^2 + eps)), h = x + bias
//   pioneer::bias_lrelu(x, bias, slope)            = lrelu(x + bias)
// x is what a convolution without bias gives: float32 or bfloat16, [batch, C, h, w] channels last or [batch, C]; the bias is
// float32 [C], and so is its gradient. Only the result is kept for the backward pass: LeakyReLU can be undone.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "kernels.h"

namespace pioneer {

// One table for each way kernels.cc is compiled.
#ifdef PIONEER_X86
extern const Kernels kernelsV4, kernelsV3;
#endif
extern const Kernels kernelsBase;

const Kernels& kernels() {
#ifdef PIONEER_X86
  static const Kernels& chosen = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? kernelsV4
                                 : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")      ? kernelsV3
                                                                                                         : kernelsBase;
  return chosen;
#else
  return kernelsBase;
#endif
}

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Sums over pixels are taken in pieces of this many rows, so that they do not depend on the number of threads.
constexpr int64_t kRows = 512;

struct Rows {
  int64_t count;
  int64_t channels;
  int64_t pieces() const { return (count + kRows - 1) / kRows; }
};

/// A tensor as rows of channels. Refuses what is not float32 or bfloat16.
Tensor asRows(const Tensor& x, const char* name) {
  TORCH_CHECK(x.dim() == 2 || x.dim() == 4, name, ": expected [batch, C] or [batch, C, h, w], got ", x.sizes());
  TORCH_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16, name, ": expected float32 or bfloat16, got ",
              x.scalar_type());
  return x.contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

Rows rowsOf(const Tensor& x) { return {x.size(1) == 0 ? 0 : x.numel() / x.size(1), x.size(1)}; }

/// Calls body(kernels of the type, pointer type, first row, rows) for each piece, in parallel.
template <typename Body>
void forPieces(const Tensor& x, Body body) {
  auto rows = rowsOf(x);
  at::parallel_for(0, rows.pieces(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; piece++) {
      int64_t first = piece * kRows;
      body(piece, first * rows.channels, first, std::min(kRows, rows.count - first), rows.channels);
    }
  });
}

template <typename T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Runs body with the kernels and the element type of x.
template <typename Body>
void byType(const Tensor& x, Body body) {
  if (x.scalar_type() == at::kFloat) body(kernels().f32, static_cast<float*>(nullptr));
  else body(kernels().bf16, static_cast<Bf16*>(nullptr));
}

Tensor checkedBias(const Tensor& bias, const Tensor& x, const char* name) {
  TORCH_CHECK(bias.scalar_type() == at::kFloat && bias.dim() == 1 && bias.size(0) == x.size(1), name, ": expected a bias float32[",
              x.size(1), "], got ", bias.scalar_type(), bias.sizes());
  return bias.contiguous();
}

/// The loops below are invisible to autograd: a gradient of their gradient would silently be zero.
void refuseSecondDerivative(const char* name) {
  TORCH_CHECK(!at::GradMode::is_enabled(), name, " has no second derivative: compose it of ATen operators where createGraph is set");
}

struct PixelNormLrelu : torch::autograd::Function<PixelNormLrelu> {
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& inputBias, double slope, double eps) {
    auto x = asRows(input, "pixel_norm_lrelu");
    auto bias = checkedBias(inputBias, x, "pixel_norm_lrelu");
    auto y = at::empty_like(x);
    auto scale = at::empty({rowsOf(x).count}, bias.options());
    byType(x, [&](auto& kernel, auto* type) {
      using T = std::remove_pointer_t<decltype(type)>;
      forPieces(x, [&](int64_t, int64_t at, int64_t row, int64_t rows, int64_t c) {
        kernel.pixelNormForward(data<T>(x) + at, data<float>(bias), data<T>(y) + at, data<float>(scale) + row, rows, c,
                                static_cast<float>(slope), static_cast<float>(eps));
      });
    });
    context->save_for_backward({y, scale});
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::pixel_norm_lrelu");
    auto saved = context->get_saved_variables();
    auto& y = saved[0];
    auto& scale = saved[1];
    auto dy = asRows(gradients[0], "pixel_norm_lrelu");
    auto slope = static_cast<float>(context->saved_data["slope"].toDouble());
    auto dx = at::empty_like(y);
    auto db = at::zeros({rowsOf(y).pieces(), y.size(1)}, scale.options());
    byType(y, [&](auto& kernel, auto* type) {
      using T = std::remove_pointer_t<decltype(type)>;
      forPieces(y, [&](int64_t piece, int64_t at, int64_t row, int64_t rows, int64_t c) {
        kernel.pixelNormBackward(data<T>(dy) + at, data<T>(y) + at, data<float>(scale) + row, data<T>(dx) + at,
                                 data<float>(db) + piece * c, rows, c, slope);
      });
    });
    return {dx, db.sum(0), Tensor(), Tensor()};
  }
};

struct BiasLrelu : torch::autograd::Function<BiasLrelu> {
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& inputBias, double slope) {
    auto x = asRows(input, "bias_lrelu");
    auto bias = checkedBias(inputBias, x, "bias_lrelu");
    auto y = at::empty_like(x);
    byType(x, [&](auto& kernel, auto* type) {
      using T = std::remove_pointer_t<decltype(type)>;
      forPieces(x, [&](int64_t, int64_t at, int64_t, int64_t rows, int64_t c) {
        kernel.biasForward(data<T>(x) + at, data<float>(bias), data<T>(y) + at, rows, c, static_cast<float>(slope));
      });
    });
    context->save_for_backward({y});
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::bias_lrelu");
    auto y = context->get_saved_variables()[0];
    auto dy = asRows(gradients[0], "bias_lrelu");
    auto slope = static_cast<float>(context->saved_data["slope"].toDouble());
    auto dx = at::empty_like(y);
    auto db = at::zeros({rowsOf(y).pieces(), y.size(1)}, y.options().dtype(at::kFloat));
    byType(y, [&](auto& kernel, auto* type) {
      using T = std::remove_pointer_t<decltype(type)>;
      forPieces(y, [&](int64_t piece, int64_t at, int64_t, int64_t rows, int64_t c) {
        kernel.biasBackward(data<T>(dy) + at, data<T>(y) + at, data<T>(dx) + at, data<float>(db) + piece * c, rows, c, slope);
      });
    });
    return {dx, db.sum(0), Tensor()};
  }
};

Tensor pixelNormLrelu(const Tensor& x, const Tensor& bias, double slope, double eps) {
  return PixelNormLrelu::apply(x, bias, slope, eps);
}

Tensor biasLrelu(const Tensor& x, const Tensor& bias, double slope) { return BiasLrelu::apply(x, bias, slope); }

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY(pioneer, library) {
  library.def("pixel_norm_lrelu(Tensor x, Tensor bias, float slope, float eps) -> Tensor");
  library.def("bias_lrelu(Tensor x, Tensor bias, float slope) -> Tensor");
}

// The function records itself only where a gradient is wanted, so one implementation serves with and without autograd.
TORCH_LIBRARY_IMPL(pioneer, AutogradCPU, library) {
  library.impl("pixel_norm_lrelu", pioneer::pixelNormLrelu);
  library.impl("bias_lrelu", pioneer::biasLrelu);
}
TORCH_LIBRARY_IMPL(pioneer, CPU, library) {
  library.impl("pixel_norm_lrelu", pioneer::pixelNormLrelu);
  library.impl("bias_lrelu", pioneer::biasLrelu);
}
