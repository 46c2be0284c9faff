// The passes over pixels on the processor: cut into pieces, each given to a loop of loops.inc.
#include <ATen/ATen.h>
#include <torch/library.h>

#include "kernels/cpu.h"
#include "kernels/pixels/checks.h"

namespace pioneer::cpu {
namespace {

/// How the pixels of [batch, C, 2h, 2w] lie in [batch, 4C, h + 1, w + 1]; see operators.cc.
struct Interleaved {
  int64_t c, height, width;  // of the enlarged image
  /// Image rows in a piece.
  int64_t rowsAtOnce() const { return cpu::rowsAtOnce(width); }
  /// Calls body(run, first value of x, first pixel of y) for the even and the odd pixels of image row `row`.
  template <typename Body>
  void row(int64_t row, Body body) const {
    int64_t image = row / height, i = row % height / 2, a = row % 2;
    for (int64_t b = 0; b < 2; b++) {
      int64_t pixel = (image * (height / 2 + 1) + i + a) * (width / 2 + 1) + b;
      body(Run{width / 2, c, 4 * c, 2 * c, 2}, (pixel * 4 + 2 * a + b) * c, row * width + b);
    }
  }
};

Pair pixelNormForward(const Tensor& input, const Tensor& inputBias, double slope, double eps, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  auto x = upsampled ? asImage(input, name) : asRows(input, name);
  TORCH_CHECK(!upsampled || (x.size(1) > 0 && x.size(1) % 4 == 0 && x.size(2) > 1 && x.size(3) > 1), name,
              ": expected [batch, 4C, h + 1, w + 1], got ", x.sizes());
  int64_t c = upsampled ? x.size(1) / 4 : x.size(1);
  auto bias = checkedBias(inputBias, x, c, name);
  auto y = upsampled ? at::empty({x.size(0), c, 2 * (x.size(2) - 1), 2 * (x.size(3) - 1)}, x.options(), format(x))
                     : at::empty_like(x);
  auto scale = at::empty({pixelsOf(y)}, bias.options());
  byType(x.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    auto pass = [&](const Run& run, int64_t at, int64_t pixel) {
      loops.pixels.pixelNormForward(run, data<T>(x) + at, data<float>(bias), data<T>(y) + pixel * c,
                                    data<float>(scale) + pixel, static_cast<float>(slope), static_cast<float>(eps));
    };
    if (upsampled) {
      Interleaved lay{c, y.size(2), y.size(3)};
      forPieces(y.size(0) * lay.height, lay.rowsAtOnce(), [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) lay.row(row, pass);
      });
    } else {
      forPieces(pixelsOf(x), kRows, [&](int64_t, int64_t begin, int64_t end) {
        Run run{end - begin, c, c, c, 1};
        pass(run, begin * c, begin);
      });
    }
  });
  return {y, scale};
}

/// Zeros where the four 2x2 convolutions computed pixels that nobody reads: the last row of a = 0, the first of a = 1,
/// and so for columns.
template <typename T>
void clearUnread(T* dx, int64_t images, int64_t height, int64_t width, int64_t c) {
  auto clear = [&](int64_t image, int64_t y, int64_t x, int64_t phase) {
    std::fill_n(dx + (((image * height + y) * width + x) * 4 + phase) * c, c, T(0));
  };
  for (int64_t image = 0; image < images; image++) {
    for (int64_t phase = 0; phase < 4; phase++) {
      int64_t y = phase / 2 ? 0 : height - 1, x = phase % 2 ? 0 : width - 1;
      for (int64_t i = 0; i < width; i++) clear(image, y, i, phase);
      for (int64_t i = 0; i < height; i++) clear(image, i, x, phase);
    }
  }
}

Pair pixelNormBackward(const Tensor& gradient, const Tensor& y, const Tensor& scale, double slope, bool upsampled) {
  auto dy = asRows(gradient, "pixel_norm_lrelu");
  checkSame(dy, y, "pixel_norm_lrelu");
  checkPixelNormKept(y, scale, upsampled);
  int64_t c = y.size(1);
  auto dx = upsampled ? at::empty({y.size(0), 4 * c, y.size(2) / 2 + 1, y.size(3) / 2 + 1}, y.options(), format(y))
                      : at::empty_like(y);
  Tensor db;
  byType(y.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    auto pass = [&](int64_t piece, const Run& run, int64_t at, int64_t pixel) {
      loops.pixels.pixelNormBackward(run, data<T>(dy) + pixel * c, data<T>(y) + pixel * c, data<float>(scale) + pixel,
                                     data<T>(dx) + at, data<float>(db) + piece * c, static_cast<float>(slope));
    };
    if (upsampled) {
      Interleaved lay{c, y.size(2), y.size(3)};
      int64_t rows = y.size(0) * lay.height;
      db = sums(pieceCount(rows, lay.rowsAtOnce()), c, y);
      clearUnread(data<T>(dx), dx.size(0), dx.size(2), dx.size(3), c);
      forPieces(rows, lay.rowsAtOnce(), [&](int64_t piece, int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
          lay.row(row, [&](const Run& run, int64_t at, int64_t pixel) { pass(piece, run, at, pixel); });
        }
      });
    } else {
      db = sums(pieceCount(pixelsOf(y), kRows), c, y);
      forPieces(pixelsOf(y), kRows, [&](int64_t piece, int64_t begin, int64_t end) {
        pass(piece, Run{end - begin, c, c, c, 1}, begin * c, begin);
      });
    }
  });
  return {dx, db.sum(0)};
}

Tensor biasForward(const Tensor& input, const Tensor& inputBias, double slope) {
  auto x = asRows(input, "bias_lrelu");
  int64_t c = x.size(1);
  auto bias = checkedBias(inputBias, x, c, "bias_lrelu");
  auto y = at::empty_like(x);
  byType(x.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    forPieces(pixelsOf(x), kRows, [&](int64_t, int64_t begin, int64_t end) {
      loops.pixels.biasForward(data<T>(x) + begin * c, data<float>(bias), data<T>(y) + begin * c, end - begin, c,
                               static_cast<float>(slope));
    });
  });
  return y;
}

Pair biasBackward(const Tensor& gradient, const Tensor& y, double slope) {
  auto dy = asRows(gradient, "bias_lrelu");
  checkSame(dy, y, "bias_lrelu");
  checkKept(y, dy.scalar_type(), "bias_lrelu");
  int64_t c = y.size(1);
  auto dx = at::empty_like(y);
  auto db = sums(pieceCount(pixelsOf(y), kRows), c, y);
  byType(y.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    forPieces(pixelsOf(y), kRows, [&](int64_t piece, int64_t begin, int64_t end) {
      loops.pixels.biasBackward(data<T>(dy) + begin * c, data<T>(y) + begin * c, data<T>(dx) + begin * c,
                                data<float>(db) + piece * c, end - begin, c, static_cast<float>(slope));
    });
  });
  return {dx, db.sum(0)};
}

Pair poolForward(const Tensor& input, const Tensor& inputBias, double slope) {
  auto x = asImage(input, "bias_lrelu_pool");
  TORCH_CHECK(x.size(2) % 2 == 0 && x.size(3) % 2 == 0, "bias_lrelu_pool: expected an even height and width, got ",
              x.sizes());
  int64_t c = x.size(1), width = x.size(3);
  auto bias = checkedBias(inputBias, x, c, "bias_lrelu_pool");
  auto y = at::empty({x.size(0), c, x.size(2) / 2, width / 2}, x.options(), format(x));
  auto signs = at::empty_like(y, y.options().dtype(at::kByte));
  byType(x.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    forPieces(y.size(0) * y.size(2), rowsAtOnce(width), [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        int64_t at = row * (width / 2) * c;
        loops.pixels.poolForward(data<T>(x) + 4 * at, width * c, data<float>(bias), data<T>(y) + at,
                                 data<uint8_t>(signs) + at, width / 2, c, static_cast<float>(slope));
      }
    });
  });
  return {y, signs};
}

Pair poolBackward(const Tensor& gradient, const Tensor& signs, double slope) {
  auto dy = asImage(gradient, "bias_lrelu_pool");
  TORCH_CHECK(dy.sizes() == signs.sizes(), "bias_lrelu_pool: expected a gradient ", signs.sizes(), ", got ",
              dy.sizes());
  checkKept(signs, at::kByte, "bias_lrelu_pool");
  int64_t c = dy.size(1), width = 2 * dy.size(3);
  auto dx = at::empty({dy.size(0), c, 2 * dy.size(2), width}, dy.options(), format(dy));
  int64_t rows = dy.size(0) * dy.size(2), atOnce = rowsAtOnce(width);
  auto db = sums(pieceCount(rows, atOnce), c, dy);
  byType(dy.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    forPieces(rows, atOnce, [&](int64_t piece, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        int64_t at = row * (width / 2) * c;
        loops.pixels.poolBackward(data<T>(dy) + at, data<uint8_t>(signs) + at, data<T>(dx) + 4 * at, width * c,
                                  data<float>(db) + piece * c, width / 2, c, static_cast<float>(slope));
      }
    });
  });
  return {dx, db.sum(0)};
}

Tensor fadeForward(const Tensor& inputBefore, const Tensor& inputNow, double alpha) {
  auto now = asRows(inputNow, "fade"), before = enlarged(inputBefore, now);
  checkSame(before, now, "fade");
  auto y = at::empty_like(now);
  byType(now.scalar_type(), [&](auto& loops, auto* type) {
    using T = ELEMENT;
    forPieces(now.numel(), kElements, [&](int64_t, int64_t begin, int64_t end) {
      loops.pixels.fade(data<T>(before) + begin, data<T>(now) + begin, data<T>(y) + begin, end - begin,
                        static_cast<float>(alpha));
    });
  });
  return y;
}

}  // namespace
}  // namespace pioneer::cpu

TORCH_LIBRARY_IMPL(pioneer, CPU, library) {
  library.impl("pixel_norm_lrelu_forward", pioneer::cpu::pixelNormForward);
  library.impl("pixel_norm_lrelu_backward", pioneer::cpu::pixelNormBackward);
  library.impl("bias_lrelu_forward", pioneer::cpu::biasForward);
  library.impl("bias_lrelu_backward", pioneer::cpu::biasBackward);
  library.impl("bias_lrelu_pool_forward", pioneer::cpu::poolForward);
  library.impl("bias_lrelu_pool_backward", pioneer::cpu::poolBackward);
  library.impl("fade_forward", pioneer::cpu::fadeForward);
}
