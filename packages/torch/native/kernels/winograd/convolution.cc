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

#include <algorithm>

#include "kernels/cpu.h"

namespace pioneer::cpu {
namespace {

/// Of each of the matrices that are held at once: few enough to stay in the cache between the passes, enough for their
/// products to run at full speed.
constexpr int64_t kBytes = int64_t{1} << 21;

/// The tiles of images, some images at a time.
struct Tiles {
  int64_t images, height, width;  // in tiles
  int64_t atOnce;                 // images
  Tiles(const Tensor& x, int64_t stride, int64_t channels)
      : images(x.size(0)), height(x.size(2) / stride), width(x.size(3) / stride) {
    int64_t bytes = height * width * channels * static_cast<int64_t>(x.element_size());
    atOnce = std::max<int64_t>(1, kBytes / std::max<int64_t>(1, bytes));
  }

  /// Calls body(first image, images, tiles) for one group after the other.
  template <typename Body>
  void groups(Body body) const {
    for (int64_t first = 0; first < images; first += atOnce) {
      int64_t of = std::min(atOnce, images - first);
      body(first, of, of * height * width);
    }
  }

  /// Calls body(tile, image, row, column), in tiles, for the tiles of `of` images from `first` on, in parallel.
  template <typename Body>
  void each(int64_t first, int64_t of, Body body) const {
    at::parallel_for(0, of * height, 4, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        for (int64_t j = 0; j < width; j++) body(row * width + j, first + row / height, row % height, j);
      }
    });
  }
};

/// [matrices, count, c], apart from one another by more than a power of two: all are written at once, and must not fall
/// on the same lines of the cache.
Tensor apart(int64_t matrices, int64_t count, int64_t c, const Tensor& like) {
  int64_t step = count * c + 64;
  auto memory = at::empty({matrices * step}, like.options().memory_format(c10::nullopt));
  return memory.as_strided({matrices, count, c}, {step, c, 1});
}

/// The side x side pixels from (top, left) on; zeros outside the image.
template <typename T>
void pixelsFrom(const Tensor& x, int64_t image, int64_t top, int64_t left, int64_t side, const T* zeros,
                const T** pixels) {
  int64_t height = x.size(2), width = x.size(3);
  for (int64_t i = 0; i < side * side; i++) {
    int64_t row = top + i / side, column = left + i % side;
    bool inside = row >= 0 && row < height && column >= 0 && column < width;
    pixels[i] = inside ? data<T>(x) + ((image * height + row) * width + column) * x.size(1) : zeros;
  }
}

/// [images, C, h, w] from image `first` on to [count, tiles, C].
template <typename T>
void toFactors(const WinogradPasses<T>& passes, const Tensor& x, const Tiles& tiles, int64_t first, int64_t of,
               const Tensor& factors) {
  int64_t c = x.size(1), step = factors.stride(0);
  const std::vector<T> zeros(c);
  tiles.each(first, of, [&](int64_t tile, int64_t image, int64_t row, int64_t column) {
    const T* patch[16];
    pixelsFrom<T>(x, image, passes.stride * row - 1, passes.stride * column - 1, passes.patch, zeros.data(), patch);
    passes.toFactors(patch, data<T>(factors) + tile * c, step, c);
  });
}

/// A [out, in, 3, 3] kernel to [count, out, in].
template <typename T>
Tensor kernelFactors(const WinogradPasses<T>& passes, const Tensor& w, bool flipped) {
  int64_t out = w.size(0), in = w.size(1);
  auto factors = at::empty({passes.count, out, in}, w.options().memory_format(c10::nullopt));
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      passes.kernelToFactors(data<T>(w) + o * 9 * in, data<T>(factors) + o * in, out * in, in, flipped);
    }
  });
  return factors;
}

/// @param kernel [count, in, out]
template <typename T>
Tensor convolve(const WinogradPasses<T>& passes, const Tensor& x, const Tensor& kernel) {
  int64_t in = x.size(1), out = kernel.size(2), side = passes.side;
  Tiles tiles(x, passes.stride, std::max(in, out));
  auto y =
      at::empty({x.size(0), out, side * tiles.height, side * tiles.width}, x.options(), at::MemoryFormat::ChannelsLast);
  Tensor factors, products;
  tiles.groups([&](int64_t first, int64_t of, int64_t count) {
    if (!factors.defined() || factors.size(1) != count) {
      factors = apart(passes.count, count, in, x);
      products = apart(passes.count, count, out, x);
    }
    toFactors<T>(passes, x, tiles, first, of, factors);
    // One by one: libtorch 1.13 copies a batch whose matrices do not follow each other.
    for (int64_t i = 0; i < passes.count; i++) {
      auto product = products[i];
      at::mm_out(product, factors[i], kernel[i]);
    }
    tiles.each(first, of, [&](int64_t tile, int64_t image, int64_t row, int64_t column) {
      const T* pixels[4];
      pixelsFrom<T>(y, image, side * row, side * column, side, nullptr, pixels);
      passes.fromProducts(data<T>(products) + tile * out, products.stride(0), const_cast<T**>(pixels), out);
    });
  });
  return y;
}

/// The gradient of the kernel, [out, in, 3, 3] like w.
template <typename T>
Tensor kernelGradient(const WinogradPasses<T>& passes, const WinogradGradient<T>& gradient, const Tensor& x,
                      const Tensor& dy, const Tensor& w) {
  int64_t in = x.size(1), out = dy.size(1), side = passes.side;
  Tiles tiles(x, passes.stride, std::max(in, out));
  // Each group's sum is rounded to the format of the products; the sum of the groups is not.
  auto sum = at::zeros({passes.count, out, in}, x.options().dtype(at::kFloat).memory_format(c10::nullopt));
  tiles.groups([&](int64_t first, int64_t of, int64_t count) {
    auto factors = apart(passes.count, count, in, x), products = apart(passes.count, count, out, x);
    toFactors<T>(passes, x, tiles, first, of, factors);
    tiles.each(first, of, [&](int64_t tile, int64_t image, int64_t row, int64_t column) {
      const T* pixels[4];
      pixelsFrom<T>(dy, image, side * row, side * column, side, nullptr, pixels);
      gradient.toProducts(pixels, data<T>(products) + tile * out, products.stride(0), out);
    });
    for (int64_t i = 0; i < passes.count; i++) sum[i].add_(at::mm(products[i].t(), factors[i]));
  });
  auto dw = at::empty_like(w);
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      gradient.factorsToKernel(data<float>(sum) + o * in, out * in, data<T>(dw) + o * 9 * in, in);
    }
  });
  return dw;
}

}  // namespace

Tensor winograd(const Tensor& x, const Tensor& w, bool upsampled) {
  return byType(x.scalar_type(), [&](auto& loops, auto*) {
    auto& passes = upsampled ? loops.winograd.upsampled : loops.winograd.plain;
    return convolve(passes, x, kernelFactors(passes, w, false).transpose(1, 2));
  });
}

Tensor winogradToData(const Tensor& dy, const Tensor& w, bool upsampled) {
  return byType(dy.scalar_type(), [&](auto& loops, auto*) {
    auto& back = upsampled ? loops.winograd.upsampledBack : loops.winograd.plain;
    return convolve(back, dy, kernelFactors(back, w, true));
  });
}

Tensor winogradToWeights(const Tensor& x, const Tensor& dy, const Tensor& w, bool upsampled) {
  return byType(x.scalar_type(), [&](auto& loops, auto*) {
    auto& winograd = loops.winograd;
    auto& there = upsampled ? winograd.upsampled : winograd.plain;
    auto& gradient = upsampled ? winograd.upsampledGradient : winograd.plainGradient;
    return kernelGradient(there, gradient, x, dy, w);
  });
}

}  // namespace pioneer::cpu
