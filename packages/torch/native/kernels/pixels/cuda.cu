// The passes over pixels on CUDA: one kernel of kernels.cuh for each.
#include "kernels/launch.cuh"
#include "kernels/pixels/checks.h"
#include "kernels/pixels/kernels.cuh"

namespace pioneer::cuda {
namespace {

Lay layOf(const Tensor& y, bool upsampled) {
  return upsampled ? Lay{y.size(1), y.size(2), y.size(3), true} : Lay{y.size(1), 1, 1, false};
}

Pair pixelNormForward(const Tensor& input, const Tensor& inputBias, double slope, double eps, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  c10::DeviceGuard guard(input.device());
  auto x = upsampled ? asImage(input, name) : asRows(input, name);
  TORCH_CHECK(!upsampled || (x.size(1) > 0 && x.size(1) % 4 == 0 && x.size(2) > 1 && x.size(3) > 1), name,
              ": expected [batch, 4C, h + 1, w + 1], got ", x.sizes());
  int64_t c = upsampled ? x.size(1) / 4 : x.size(1);
  auto bias = checkedBias(inputBias, x, c, name);
  auto y = upsampled ? at::empty({x.size(0), c, 2 * (x.size(2) - 1), 2 * (x.size(3) - 1)}, x.options(), format(x))
                     : at::empty_like(x);
  int64_t pixels = pixelsOf(y);
  auto scale = at::empty({pixels}, bias.options());
  byType(x.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(pixelNormForwardKernel<T>, dim3(blocksFor(pixels, kWarps)), dim3(kThreads), 0, layOf(y, upsampled), pixels,
           data<T>(x), data<float>(bias), data<T>(y), data<float>(scale), slope, eps);
  });
  return {y, scale};
}

Pair pixelNormBackward(const Tensor& gradient, const Tensor& y, const Tensor& scale, double slope, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  c10::DeviceGuard guard(y.device());
  auto dy = asRows(gradient, name);
  checkSame(dy, y, name);
  checkPixelNormKept(y, scale, upsampled);
  int64_t c = y.size(1), pixels = pixelsOf(y), height = upsampled ? y.size(2) / 2 + 1 : 0,
          width = upsampled ? y.size(3) / 2 + 1 : 0;
  auto dx = upsampled ? at::empty({y.size(0), 4 * c, height, width}, y.options(), format(y)) : at::empty_like(y);
  // As many warps in a block as their sums leave room for.
  size_t rowBytes = static_cast<size_t>(c) * sizeof(float);
  int warps = static_cast<int>(std::min<size_t>(kWarps, kShared / std::max<size_t>(1, rowBytes)));
  TORCH_CHECK(warps > 0, name, ": expected at most ", kShared / sizeof(float), " channels on CUDA, got ", c);
  auto blocks = static_cast<unsigned>(std::min(pieceCount(pixels, 2 * warps), kPieces));
  auto db = sums(blocks, c, y);
  byType(y.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(pixelNormBackwardKernel<T>, dim3(blocks), dim3(warps * kWarp), warps * rowBytes, layOf(y, upsampled), pixels,
           data<T>(dy), data<T>(y), data<float>(scale), data<T>(dx), data<float>(db), slope);
    if (!upsampled) return;
    int64_t unread = y.size(0) * 4 * (height + width);
    launch(clearUnreadKernel<T>, dim3(blocksFor(unread, kWarps)), dim3(kThreads), 0, data<T>(dx), unread, height, width,
           c);
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
    launch(biasForwardKernel<T>, columns.grid(), columns.block(), 0, columns, data<T>(x), data<float>(bias), data<T>(y),
           slope);
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
    launch(biasBackwardKernel<T>, columns.grid(), columns.block(), kColumnSums, columns, data<T>(dy), data<T>(y),
           data<T>(dx), data<float>(db), slope);
  });
  return {dx, db.sum(0)};
}

Pair poolForward(const Tensor& input, const Tensor& inputBias, double slope) {
  c10::DeviceGuard guard(input.device());
  auto x = asImage(input, "bias_lrelu_pool");
  TORCH_CHECK(x.size(2) % 2 == 0 && x.size(3) % 2 == 0, "bias_lrelu_pool: expected an even height and width, got ",
              x.sizes());
  int64_t c = x.size(1), width = x.size(3);
  auto bias = checkedBias(inputBias, x, c, "bias_lrelu_pool");
  auto y = at::empty({x.size(0), c, x.size(2) / 2, width / 2}, x.options(), format(x));
  auto signs = at::empty_like(y, y.options().dtype(at::kByte));
  Columns columns(c, pixelsOf(y));
  byType(x.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(poolForwardKernel<T>, columns.grid(), columns.block(), 0, columns, data<T>(x), width, data<float>(bias),
           data<T>(y), data<uint8_t>(signs), slope);
  });
  return {y, signs};
}

Pair poolBackward(const Tensor& gradient, const Tensor& signs, double slope) {
  c10::DeviceGuard guard(signs.device());
  auto dy = asImage(gradient, "bias_lrelu_pool");
  TORCH_CHECK(dy.sizes() == signs.sizes(), "bias_lrelu_pool: expected a gradient ", signs.sizes(), ", got ",
              dy.sizes());
  checkPlace(dy, signs, "bias_lrelu_pool");
  checkKept(signs, at::kByte, "bias_lrelu_pool");
  int64_t c = dy.size(1), width = 2 * dy.size(3);
  auto dx = at::empty({dy.size(0), c, 2 * dy.size(2), width}, dy.options(), format(dy));
  Columns columns(c, pixelsOf(dy));
  auto db = sums(columns.pieces, c, dy);
  byType(dy.scalar_type(), [&](auto* type) {
    using T = ELEMENT;
    launch(poolBackwardKernel<T>, columns.grid(), columns.block(), kColumnSums, columns, data<T>(dy),
           data<uint8_t>(signs), data<T>(dx), width, data<float>(db), slope);
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
    launch(fadeKernel<T>, dim3(blocksFor(now.numel(), kThreads)), dim3(kThreads), 0, now.numel(), data<T>(before),
           data<T>(now), data<T>(y), alpha);
  });
  return y;
}

}  // namespace
}  // namespace pioneer::cuda

TORCH_LIBRARY_IMPL(pioneer, CUDA, library) {
  library.impl("pixel_norm_lrelu_forward", pioneer::cuda::pixelNormForward);
  library.impl("pixel_norm_lrelu_backward", pioneer::cuda::pixelNormBackward);
  library.impl("bias_lrelu_forward", pioneer::cuda::biasForward);
  library.impl("bias_lrelu_backward", pioneer::cuda::biasBackward);
  library.impl("bias_lrelu_pool_forward", pioneer::cuda::poolForward);
  library.impl("bias_lrelu_pool_backward", pioneer::cuda::poolBackward);
  library.impl("fade_forward", pioneer::cuda::fadeForward);
}
