// 3x3 convolutions of the same size with fewer multiplications: Winograd's F(2x2, 3x3). A tile of 2x2 pixels of y comes
// of 4x4 pixels of x, which become 16 factors (B' t B); the kernel becomes 16 as well (G w G'); the sums over channels
// of their products are 16 matrix products, [tiles, in] x [in, out]; and those become the tile (A' m A): 16
// multiplications instead of 36. The way to x is the same convolution with the kernel turned and transposed; the way to
// w goes through the 16 transposed.
//
// Of an image enlarged twofold by repetition one factor in a row is zero, and 9 are left: its convolution reads the
// small image, and its way back sums the four pixels that came of one.
//
// A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.1. For CPUs.
#include "kernels/winograd/convolution.h"

#include "kernels/winograd/blocks.h"
#include "kernels/winograd/matrices.h"

namespace pioneer::cpu {
namespace {

/// What blocks are computed with; null where libtorch's products are taken. Channels have to fill registers of sums,
/// whichever way the kernel is read.
template <typename T>
const ProductLoops<T>* productsFor(const WinogradLoops<T>& loops, const Tensor& w) {
  return w.size(0) % 16 == 0 && w.size(1) % 16 == 0 ? loops.products : nullptr;
}

template <typename T>
Tensor convolve(const WinogradLoops<T>& loops, const WinogradPasses<T>& passes, const Tensor& x, const Tensor& w,
                bool back) {
  if (auto* products = productsFor(loops, w)) {
    return convolveBlocks(passes, *products, x, kernelPanels(passes, *products, w, back), w.size(back));
  }
  auto kernel = kernelFactors(passes, w, back);
  return convolveMatrices(passes, x, back ? kernel : kernel.transpose(1, 2));
}

}  // namespace

Tensor winograd(const Tensor& x, const Tensor& w, bool upsampled) {
  return byType(x.scalar_type(), [&](auto& loops, auto*) {
    auto& winograd = loops.winograd;
    return convolve(winograd, upsampled ? winograd.upsampled : winograd.plain, x, w, false);
  });
}

Tensor winogradToData(const Tensor& dy, const Tensor& w, bool upsampled) {
  return byType(dy.scalar_type(), [&](auto& loops, auto*) {
    auto& winograd = loops.winograd;
    return convolve(winograd, upsampled ? winograd.upsampledBack : winograd.plain, dy, w, true);
  });
}

Tensor winogradToWeights(const Tensor& x, const Tensor& dy, const Tensor& w, bool upsampled) {
  return byType(x.scalar_type(), [&](auto& loops, auto*) {
    auto& winograd = loops.winograd;
    auto& there = upsampled ? winograd.upsampled : winograd.plain;
    auto& gradient = upsampled ? winograd.upsampledGradient : winograd.plainGradient;
    if (auto* products = productsFor(winograd, w)) {
      return kernelGradientByBlocks(there, gradient, *products, x, dy, w);
    }
    return kernelGradientByMatrices(there, gradient, x, dy, w);
  });
}

}  // namespace pioneer::cpu
