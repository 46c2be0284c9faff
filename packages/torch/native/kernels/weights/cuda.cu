// The passes over weights on CUDA: one kernel of kernels.cuh for each.
#include "kernels/launch.cuh"
#include "kernels/weights/checks.h"
#include "kernels/weights/kernels.cuh"

namespace pioneer::cuda {
namespace {

/// w scale / divisor; the divisor is read on the device.
Tensor scaledBy(const Tensor& input, double scale, const float* divisor, at::ScalarType dtype) {
  TORCH_CHECK(isActivation(dtype) && isActivation(input.scalar_type()) &&
                  (dtype == at::kFloat || input.scalar_type() == at::kFloat),
              "scaled: expected float32 to float32 or bfloat16, or bfloat16 to float32, got ", input.scalar_type(),
              " to ", dtype);
  auto w = input.contiguous(format(input));
  auto y = at::empty_like(w, w.options().dtype(dtype));
  dim3 grid(blocksFor(w.numel(), kThreads)), block(kThreads);
  byType(dtype == at::kFloat ? w.scalar_type() : dtype, [&](auto* type) {
    using T = ELEMENT;
    if (dtype == at::kFloat)
      launch(scaleKernel<T, float>, grid, block, 0, w.numel(), data<T>(w), data<float>(y), scale, divisor);
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
  TORCH_CHECK(sigma.numel() == 1 && sigma.scalar_type() == at::kFloat, "divided: expected one float32, got ",
              sigma.scalar_type(), sigma.sizes());
  return scaledBy(w, 1, data<float>(sigma), dtype);
}

Tensor upsampledKernelForward(const Tensor& input, double scale, at::ScalarType dtype) {
  c10::DeviceGuard guard(input.device());
  TORCH_CHECK(input.dim() == 4 && input.size(2) == 3 && input.size(3) == 3 && input.scalar_type() == at::kFloat &&
                  isActivation(dtype),
              "upsampled_kernel: expected float32 [out, in, 3, 3] to float32 or bfloat16, got ", input.scalar_type(),
              input.sizes(), " to ", dtype);
  auto w = input.contiguous(at::MemoryFormat::ChannelsLast);
  int64_t out = w.size(0), c = w.size(1);
  auto y = at::empty({4 * out, c, 2, 2}, w.options().dtype(dtype), at::MemoryFormat::ChannelsLast);
  byType(dtype, [&](auto* type) {
    using T = ELEMENT;
    launch(foldKernel<T>, dim3(blocksFor(y.numel(), kThreads)), dim3(kThreads), 0, out, c, data<float>(w), data<T>(y),
           scale);
  });
  return y;
}

Tensor upsampledKernelBackward(const Tensor& gradient, double scale) {
  c10::DeviceGuard guard(gradient.device());
  auto dy = asImage(gradient, "upsampled_kernel");
  TORCH_CHECK(dy.size(0) % 4 == 0 && dy.size(2) == 2 && dy.size(3) == 2,
              "upsampled_kernel: expected a gradient [4 out, in, 2, 2], got ", dy.sizes());
  int64_t out = dy.size(0) / 4, c = dy.size(1);
  auto dw = at::empty({out, c, 3, 3}, dy.options().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  byType(dy.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(unfoldKernel<T>, dim3(blocksFor(dw.numel(), kThreads)), dim3(kThreads), 0, out, c, data<T>(dy),
           data<float>(dw), scale);
  });
  return dw;
}

Tensor spectralNormBackward(const Tensor& gradient, const Tensor& weight, const Tensor& u, const Tensor& v,
                            const Tensor& next, const Tensor& q, const Tensor& sigma) {
  c10::DeviceGuard guard(weight.device());
  auto dy = asRows(gradient, "spectral_norm"), w = weight.contiguous(format(weight));
  TORCH_CHECK(dy.sizes() == w.sizes() && w.scalar_type() == at::kFloat, "spectral_norm: expected a gradient ",
              w.sizes(), ", got ", dy.sizes());
  checkPlace(w, dy, "spectral_norm");
  checkSpectralNormKept(w, u, v, next, q, sigma);
  int64_t count = w.numel(), length = w.size(0) == 0 ? 0 : count / w.size(0);
  auto dw = at::empty_like(w);
  dim3 grid(blocksFor(count, kThreads)), block(kThreads);
  auto shares = at::empty({grid.x}, u.options().dtype(at::kDouble));
  byType(dy.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(dotKernel<T>, grid, block, kWarps * sizeof(double), count, data<T>(dy), data<float>(w),
           data<double>(shares));
    auto dot = shares.sum();
    launch(spectralBackwardKernel<T>, grid, block, 0, count, length, data<T>(dy), data<float>(u), data<float>(v),
           data<float>(next), data<float>(q), data<float>(sigma), data<double>(dot), data<float>(dw));
  });
  return dw;
}

}  // namespace
}  // namespace pioneer::cuda

TORCH_LIBRARY_IMPL(pioneer, CUDA, library) {
  library.impl("scaled_forward", pioneer::cuda::scaledForward);
  library.impl("upsampled_kernel_forward", pioneer::cuda::upsampledKernelForward);
  library.impl("upsampled_kernel_backward", pioneer::cuda::upsampledKernelBackward);
  library.impl("divided", pioneer::cuda::divided);
  library.impl("spectral_norm_backward", pioneer::cuda::spectralNormBackward);
}
