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

/// The pixels that the factors of a tile come of.
template <typename T>
void patchOf(const WinogradPasses<T>& passes, const Tensor& x, const Place& place, const T* zeros, const T** pixels) {
  pixelsFrom(x, place.image, passes.stride * place.row - 1, passes.stride * place.column - 1, passes.patch, zeros,
             pixels);
}

/// The pixels of a tile of the result, of side x side.
template <typename T>
void tileOf(const Tensor& y, const Place& place, int64_t side, const T** pixels) {
  pixelsFrom<T>(y, place.image, side * place.row, side * place.column, side, nullptr, pixels);
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
