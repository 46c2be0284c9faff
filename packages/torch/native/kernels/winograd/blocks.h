// Winograd's form a block of tiles at a time: what becomes of them stays in a core's cache from the factors to the
// result, and the sums of their products are never rounded to bfloat16. With products of our own (products.inc).
#pragma once

#include "kernels/winograd/tiles.h"

namespace pioneer::cpu {

/// The factors of a kernel [out, in, 3, 3], packed for products of [tiles, in] with them, `back` of [tiles, out].
template <typename T>
Tensor kernelPanels(const WinogradPasses<T>& passes, const ProductLoops<T>& products, const Tensor& w, bool back) {
  int64_t out = w.size(0), in = w.size(1);
  auto factors = kernelFactors(passes, w, back), panels = at::empty({passes.count, out * in}, factors.options());
  at::parallel_for(0, passes.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t f = begin; f < end; f++) {
      products.pack(data<T>(factors) + f * out * in, back ? in : 1, back ? 1 : in, back ? out : in, back ? in : out,
                    data<T>(panels) + f * out * in);
    }
  });
  return panels;
}

/// Memory for each thread.
template <typename T>
class Scratch {
 public:
  Scratch(int64_t each, const at::TensorOptions& options)
      : memory_(at::empty({at::get_num_threads(), each}, options.memory_format(c10::nullopt))) {}

  /// That of the calling thread.
  T* own() const { return data<T>(memory_) + at::get_thread_num() * memory_.stride(0); }

 private:
  Tensor memory_;
};

constexpr int64_t kBlock = 48;  // tiles at most: of 128 channels factors and sums fit into 1 MiB
constexpr int64_t kLeast = 12;  // tiles of a thread: two times the rows whose sums are in registers

/// Calls body(first, last) for blocks of tiles, as many tiles on each thread. Each tile is computed alike in any block.
template <typename Body>
void forBlocks(int64_t tiles, Body body) {
  at::parallel_for(0, tiles, kLeast, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += kBlock) body(first, std::min(end, first + kBlock));
  });
}

/// @param panels of the kernel @param out channels of the result
template <typename T>
Tensor convolveBlocks(const WinogradPasses<T>& passes, const ProductLoops<T>& products, const Tensor& x,
                      const Tensor& panels, int64_t out) {
  Tiles tiles(x, passes.stride);
  int64_t in = x.size(1), factorStep = kBlock * in + kApart, sumStep = kBlock * out + kApart;
  auto y = resultOf(passes, x, tiles, out);
  Scratch<T> factorsOfThreads(passes.count * factorStep, x.options());
  Scratch<float> sumsOfThreads(passes.count * sumStep, x.options().dtype(at::kFloat));
  std::vector<T> zeros(in);
  const Pixels<T> from(x), to(y);
  forBlocks(tiles.count(), [&](int64_t begin, int64_t end) {
    T* factors = factorsOfThreads.own();
    float* sums = sumsOfThreads.own();
    for (int64_t tile = begin; tile < end; tile++) {
      T* patch[16];
      patchOf(passes, from, Place(tiles, tile), zeros.data(), patch);
      passes.toFactors(patch, factors + (tile - begin) * in, factorStep, in);
    }
    for (int64_t f = 0; f < passes.count; f++) {
      products.multiply({factors + f * factorStep, in, products.together}, data<T>(panels) + f * in * out,
                        sums + f * sumStep, end - begin, in, out, false);
    }
    for (int64_t tile = begin; tile < end; tile++) {
      T* pixels[4];
      tileOf(to, Place(tiles, tile), passes.side, pixels);
      passes.fromSums(sums + (tile - begin) * out, sumStep, pixels, out);
    }
  });
  return y;
}

/// Rows of c channels for each of some matrices, which the tiles from `first` to last - 1 are the terms of, as panels.
/// toRows(tile, rows, step) gives those of a tile, `step` values apart. Zeros fill the last step.
template <typename T, typename ToRows>
void packTiles(const ProductLoops<T>& products, const Scratch<T>& scratch, int64_t first, int64_t last, int64_t c,
               const Tensor& panels, ToRows toRows) {
  int64_t together = products.together, steps = pieceCount(last - first, together), terms = steps * together;
  at::parallel_for(0, steps, 1, [&](int64_t begin, int64_t end) {
    T* rows = scratch.own();
    for (int64_t t = begin * together; t < end * together; t++) {
      int64_t i = t % together;
      if (first + t < last) {
        toRows(first + t, rows + i * c, together * c);
      } else {
        for (int64_t m = 0; m < panels.size(0); m++) std::fill_n(rows + (m * together + i) * c, c, T{});
      }
      if (i + 1 < together) continue;
      for (int64_t m = 0; m < panels.size(0); m++) {
        products.packRows(rows + m * together * c, c, t - i, terms, c, data<T>(panels) + m * terms * c);
      }
    }
  });
}

/// sums [matrices, out, in] of the products of panels with `terms` terms, or += them. Each sum is added up by one
/// thread, group after group: no result depends on their number.
template <typename T>
void addProducts(const ProductLoops<T>& products, const Tensor& outPanels, const Tensor& inPanels, int64_t terms,
                 const Tensor& sums, bool add) {
  int64_t out = sums.size(1), in = sums.size(2), together = products.together, panels = pieceCount(out, kPanel);
  at::parallel_for(0, sums.size(0) * panels, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      int64_t m = i / panels, left = i % panels * kPanel, width = std::min(kPanel, out - left), row = m * out + left;
      products.multiply({data<T>(outPanels) + row * terms, together, width * together},
                        data<T>(inPanels) + m * terms * in, data<float>(sums) + row * in, width, terms, in, add);
    }
  });
}

constexpr int64_t kGroup = 256;  // tiles: their sums are short, and of 128 channels their factors fit into 2 MiB

/// The gradient of the kernel, as w lies. Sums are of tiles, so factors and products are packed tile by tile.
template <typename T>
Tensor kernelGradientByBlocks(const WinogradPasses<T>& passes, const WinogradGradient<T>& gradient,
                              const ProductLoops<T>& products, const Tensor& x, const Tensor& dy, const Tensor& w) {
  int64_t in = x.size(1), out = dy.size(1), together = products.together;
  Tiles tiles(x, passes.stride);
  auto wholeSteps = [&](int64_t terms) { return pieceCount(terms, together) * together; };
  int64_t atOnce = std::min(kGroup, wholeSteps(tiles.count()));
  auto options = x.options().memory_format(c10::nullopt);
  auto factors = at::empty({passes.count, atOnce * in}, options),
       back = at::empty({passes.count, atOnce * out}, options);
  auto sums = at::empty({passes.count, out, in}, options.dtype(at::kFloat));
  Scratch<T> scratch(passes.count * together * std::max(in, out), options);
  std::vector<T> zeros(in);
  const Pixels<T> from(x), gradients(dy);
  for (int64_t first = 0; first < tiles.count(); first += atOnce) {
    int64_t last = std::min(first + atOnce, tiles.count());
    packTiles(products, scratch, first, last, in, factors, [&](int64_t tile, T* rows, int64_t step) {
      T* patch[16];
      patchOf(passes, from, Place(tiles, tile), zeros.data(), patch);
      passes.toFactors(patch, rows, step, in);
    });
    packTiles(products, scratch, first, last, out, back, [&](int64_t tile, T* rows, int64_t step) {
      T* pixels[4];
      tileOf(gradients, Place(tiles, tile), passes.side, pixels);
      gradient.toProducts(pixels, rows, step, out);
    });
    addProducts(products, back, factors, wholeSteps(last - first), sums, first > 0);
  }
  return kernelOf(gradient, sums, w);
}

}  // namespace pioneer::cpu
