// The passes over weights on the processor, by the loops of loops.inc.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/cpu.h"
#include "kernels/weights/checks.h"

namespace pioneer::cpu {
namespace {

Tensor scaledForward(const Tensor& input, double scale, at::ScalarType dtype) {
  TORCH_CHECK(isActivation(dtype) && isActivation(input.scalar_type()) &&
                  (dtype == at::kFloat || input.scalar_type() == at::kFloat),
              "scaled: expected float32 to float32 or bfloat16, or bfloat16 to float32, got ", input.scalar_type(),
              " to ", dtype);
  auto w = input.contiguous(format(input));
  auto y = at::empty_like(w, w.options().dtype(dtype));
  byType(dtype == at::kFloat ? w.scalar_type() : dtype, [&](auto& loops, auto* type) {
    using T = ELEMENT;
    forPieces(w.numel(), kElements, [&](int64_t, int64_t begin, int64_t end) {
      if (dtype == at::kFloat)
        loops.weights.scaleFrom(data<T>(w) + begin, data<float>(y) + begin, end - begin, static_cast<float>(scale));
      else loops.weights.scaleTo(data<float>(w) + begin, data<T>(y) + begin, end - begin, static_cast<float>(scale));
    });
  });
  return y;
}

Tensor divided(const Tensor& w, const Tensor& sigma, at::ScalarType dtype) {
  return scaledForward(w, 1 / sigma.item<double>(), dtype);
}

Tensor upsampledKernelForward(const Tensor& input, double scale, at::ScalarType dtype) {
  TORCH_CHECK(input.dim() == 4 && input.size(2) == 3 && input.size(3) == 3 && input.scalar_type() == at::kFloat &&
                  isActivation(dtype),
              "upsampled_kernel: expected float32 [out, in, 3, 3] to float32 or bfloat16, got ", input.scalar_type(),
              input.sizes(), " to ", dtype);
  auto w = input.contiguous(at::MemoryFormat::ChannelsLast);
  int64_t out = w.size(0), c = w.size(1);
  auto y = at::empty({4 * out, c, 2, 2}, w.options().dtype(dtype), at::MemoryFormat::ChannelsLast);
  byType(dtype, [&](auto& loops, auto* type) {
    using T = ELEMENT;
    at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        loops.weights.foldKernel(data<float>(w) + o * 9 * c, data<T>(y) + o * 4 * c, out * 4 * c, c,
                                 static_cast<float>(scale));
      }
    });
  });
  return y;
}

Tensor upsampledKernelBackward(const Tensor& gradient, double scale) {
  auto dy = asImage(gradient, "upsampled_kernel");
  TORCH_CHECK(dy.size(0) % 4 == 0 && dy.size(2) == 2 && dy.size(3) == 2,
              "upsampled_kernel: expected a gradient [4 out, in, 2, 2], got ", dy.sizes());
  int64_t out = dy.size(0) / 4, c = dy.size(1);
  auto dw = at::empty({out, c, 3, 3}, dy.options().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  byType(dy.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        loops.weights.unfoldKernel(data<T>(dy) + o * 4 * c, out * 4 * c, data<float>(dw) + o * 9 * c, c,
                                   static_cast<float>(scale));
      }
    });
  });
  return dw;
}

Tensor spectralNormBackward(const Tensor& gradient, const Tensor& weight, const Tensor& u, const Tensor& v,
                            const Tensor& next, const Tensor& q, const Tensor& sigma) {
  auto dy = asRows(gradient, "spectral_norm"), w = weight.contiguous(format(weight));
  TORCH_CHECK(dy.sizes() == w.sizes() && w.scalar_type() == at::kFloat, "spectral_norm: expected a gradient ",
              w.sizes(), ", got ", dy.sizes());
  checkSpectralNormKept(w, u, v, next, q, sigma);
  int64_t rows = w.size(0), length = rows == 0 ? 0 : w.numel() / rows;
  auto dw = at::empty_like(w);
  auto dots = at::empty({rows}, u.options().dtype(at::kDouble));
  byType(dy.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    at::parallel_for(0, rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        data<double>(dots)[o] = loops.weights.dot(data<T>(dy) + o * length, data<float>(w) + o * length, length);
      }
    });
    double s = sigma.item<double>(), common = dots.sum().item<double>() / (s * s);
    at::parallel_for(0, rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        loops.weights.spectralBackward(data<T>(dy) + o * length, data<float>(v), data<float>(q),
                                       data<float>(dw) + o * length, length, static_cast<float>(1 / s),
                                       static_cast<float>(common * data<float>(next)[o]),
                                       static_cast<float>(common * data<float>(u)[o]));
      }
    });
  });
  return dw;
}

}  // namespace
}  // namespace pioneer::cpu

TORCH_LIBRARY_IMPL(pioneer, CPU, library) {
  library.impl("scaled_forward", pioneer::cpu::scaledForward);
  library.impl("upsampled_kernel_forward", pioneer::cpu::upsampledKernelForward);
  library.impl("upsampled_kernel_backward", pioneer::cpu::upsampledKernelBackward);
  library.impl("divided", pioneer::cpu::divided);
  library.impl("spectral_norm_backward", pioneer::cpu::spectralNormBackward);
}
