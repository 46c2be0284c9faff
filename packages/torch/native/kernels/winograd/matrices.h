// Winograd's form with libtorch's matrix products: of any channels, and faster than blocks (blocks.h) where it has AMX.
#pragma once

#include "kernels/winograd/tiles.h"

namespace pioneer::cpu {

/// Some images at a time, few enough for the matrices that are held at once to stay in the cache between the passes,
/// enough for their products to run at full speed.
class Groups {
 public:
  Groups(const Tiles& tiles, int64_t channels, int64_t elementSize) : tiles_(tiles) {
    constexpr int64_t kBytes = int64_t{1} << 21;  // of each matrix
    int64_t bytes = tiles.height * tiles.width * channels * elementSize;
    atOnce_ = std::max<int64_t>(1, kBytes / std::max<int64_t>(1, bytes));
  }

  /// Calls body(first tile, tiles) for one group after the other.
  template <typename Body>
  void each(Body body) const {
    int64_t perImage = tiles_.height * tiles_.width;
    for (int64_t image = 0; image < tiles_.images; image += atOnce_) {
      body(image * perImage, std::min(atOnce_, tiles_.images - image) * perImage);
    }
  }

 private:
  Tiles tiles_;
  int64_t atOnce_;
};

/// [matrices, count, c], apart from one another.
inline Tensor apart(int64_t matrices, int64_t count, int64_t c, const Tensor& like) {
  int64_t step = count * c + kApart;
  auto memory = at::empty({matrices * step}, like.options().memory_format(c10::nullopt));
  return memory.as_strided({matrices, count, c}, {step, c, 1});
}

/// Calls body(Place, t) for `count` tiles from `first` on, t from 0, in parallel.
template <typename Body>
void forTiles(const Tiles& tiles, int64_t first, int64_t count, Body body) {
  at::parallel_for(0, count, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; t++) body(Place(tiles, first + t), t);
  });
}

/// Tiles of x from `first` on to [count, tiles, C].
template <typename T>
void toFactors(const WinogradPasses<T>& passes, const Tensor& x, const Tiles& tiles, int64_t first,
               const Tensor& factors) {
  int64_t c = x.size(1), step = factors.stride(0);
  std::vector<T> zeros(c);
  const Pixels<T> pixels(x);
  forTiles(tiles, first, factors.size(1), [&](const Place& place, int64_t t) {
    T* patch[16];
    patchOf(passes, pixels, place, zeros.data(), patch);
    passes.toFactors(patch, data<T>(factors) + t * c, step, c);
  });
}

/// @param kernel [count, in, out]
template <typename T>
Tensor convolveMatrices(const WinogradPasses<T>& passes, const Tensor& x, const Tensor& kernel) {
  int64_t in = x.size(1), out = kernel.size(2);
  Tiles tiles(x, passes.stride);
  auto y = resultOf(passes, x, tiles, out);
  const Pixels<T> to(y);
  Tensor factors, products;
  Groups(tiles, std::max(in, out), sizeof(T)).each([&](int64_t first, int64_t count) {
    if (!factors.defined() || factors.size(1) != count) {
      factors = apart(passes.count, count, in, x);
      products = apart(passes.count, count, out, x);
    }
    toFactors(passes, x, tiles, first, factors);
    // One by one: libtorch 1.13 copies a batch whose matrices do not follow each other.
    for (int64_t i = 0; i < passes.count; i++) {
      auto product = products[i];
      at::mm_out(product, factors[i], kernel[i]);
    }
    forTiles(tiles, first, count, [&](const Place& place, int64_t t) {
      T* pixels[4];
      tileOf(to, place, passes.side, pixels);
      passes.fromProducts(data<T>(products) + t * out, products.stride(0), pixels, out);
    });
  });
  return y;
}

/// The gradient of the kernel, as w lies.
template <typename T>
Tensor kernelGradientByMatrices(const WinogradPasses<T>& passes, const WinogradGradient<T>& gradient, const Tensor& x,
                                const Tensor& dy, const Tensor& w) {
  int64_t in = x.size(1), out = dy.size(1);
  Tiles tiles(x, passes.stride);
  const Pixels<T> gradients(dy);
  // Each group's sum is rounded to the format of the products; the sum of the groups is not.
  auto sum = at::zeros({passes.count, out, in}, x.options().dtype(at::kFloat).memory_format(c10::nullopt));
  Groups(tiles, std::max(in, out), sizeof(T)).each([&](int64_t first, int64_t count) {
    auto factors = apart(passes.count, count, in, x), products = apart(passes.count, count, out, x);
    toFactors(passes, x, tiles, first, factors);
    forTiles(tiles, first, count, [&](const Place& place, int64_t t) {
      T* pixels[4];
      tileOf(gradients, place, passes.side, pixels);
      gradient.toProducts(pixels, data<T>(products) + t * out, products.stride(0), out);
    });
    for (int64_t i = 0; i < passes.count; i++) sum[i].add_(at::mm(products[i].t(), factors[i]));
  });
  return kernelOf(gradient, sum, w);
}

}  // namespace pioneer::cpu
