// What both ways to compute Winograd's form share: where tiles lie, and the factors of a kernel.
#pragma once

#include "kernels/cpu.h"

namespace pioneer::cpu {

/// Values between matrices that are written at the same time, so that they are more than a power of two apart: they
/// must not fall on the same lines of the cache.
constexpr int64_t kApart = 64;

/// The tiles of images, numbered image by image, row by row.
struct Tiles {
  int64_t images, height, width;  // the last two in tiles
  Tiles(const Tensor& x, int64_t stride) : images(x.size(0)), height(x.size(2) / stride), width(x.size(3) / stride) {}

  int64_t count() const { return images * height * width; }
};

/// Where tile number `tile` lies, in tiles.
struct Place {
  int64_t image, row, column;
  Place(const Tiles& tiles, int64_t tile)
      : image(tile / (tiles.height * tiles.width)),
        row(tile / tiles.width % tiles.height),
        column(tile % tiles.width) {}
};

/// Where the pixels of a channels-last image lie: asked of a tensor once, not for every pixel.
template <typename T>
class Pixels {
 public:
  explicit Pixels(const Tensor& x) : first_(data<T>(x)), height_(x.size(2)), width_(x.size(3)), channels_(x.size(1)) {}

  /// The side x side pixels from (top, left) on; `zeros` outside the image.
  void from(int64_t image, int64_t top, int64_t left, int64_t side, T* zeros, T** pixels) const {
    for (int64_t i = 0; i < side; i++) {
      int64_t row = top + i;
      bool isRow = row >= 0 && row < height_;
      int64_t start = (image * height_ + row) * width_ + left;
      for (int64_t j = 0; j < side; j++) {
        int64_t column = left + j;
        *pixels++ = isRow && column >= 0 && column < width_ ? first_ + (start + j) * channels_ : zeros;
      }
    }
  }

 private:
  T* first_;
  int64_t height_, width_, channels_;
};

/// The pixels that the factors of a tile come of.
template <typename T>
void patchOf(const WinogradPasses<T>& passes, const Pixels<T>& x, const Place& place, T* zeros, T** pixels) {
  x.from(place.image, passes.stride * place.row - 1, passes.stride * place.column - 1, passes.patch, zeros, pixels);
}

/// The pixels of a tile of the result, of side x side.
template <typename T>
void tileOf(const Pixels<T>& y, const Place& place, int64_t side, T** pixels) {
  y.from(place.image, side * place.row, side * place.column, side, nullptr, pixels);
}

/// The image that the tiles of x become.
template <typename T>
Tensor resultOf(const WinogradPasses<T>& passes, const Tensor& x, const Tiles& tiles, int64_t channels) {
  return at::empty({x.size(0), channels, passes.side * tiles.height, passes.side * tiles.width}, x.options(),
                   at::MemoryFormat::ChannelsLast);
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

/// The gradient of a kernel, from that of its factors: [count, out, in], float32. It lies as w does.
template <typename T>
Tensor kernelOf(const WinogradGradient<T>& gradient, const Tensor& factors, const Tensor& w) {
  int64_t out = w.size(0), in = w.size(1);
  auto dw = at::empty_like(w);
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      gradient.factorsToKernel(data<float>(factors) + o * in, out * in, data<T>(dw) + o * 9 * in, in);
    }
  });
  return dw;
}

}  // namespace pioneer::cpu
