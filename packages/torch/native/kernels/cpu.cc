// The passes of fused.cc on the processor: cut into pieces, each given to a loop of kernels.cc. Sums over pixels are taken
// piece by piece and then added, so no result depends on the number of threads.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/library.h>

#include <cmath>

#include "kernels/checks.h"
#include "kernels/loops.h"

namespace pioneer {

// One table for each way kernels.cc is compiled.
#ifdef PIONEER_X86
extern const Kernels kernelsV4, kernelsV3;
#endif
extern const Kernels kernelsBase;

const Kernels& kernels() {
#ifdef PIONEER_X86
  static const Kernels& chosen = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? kernelsV4
                                 : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")      ? kernelsV3
                                                                                                         : kernelsBase;
  return chosen;
#else
  return kernelsBase;
#endif
}

namespace {

using Pair = std::tuple<Tensor, Tensor>;

constexpr int64_t kRows = 512;              // pixels in a piece
constexpr int64_t kElements = int64_t{1} << 16;  // numbers in a piece of a parameter

/// Image rows in a piece; an image may be empty.
int64_t rowsAtOnce(int64_t width) { return std::max<int64_t>(1, kRows / std::max<int64_t>(1, width)); }

template <typename T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Runs body with the kernels of a dtype and a null pointer that tells the element type.
template <typename Body>
void byType(at::ScalarType type, Body body) {
  if (type == at::kFloat) body(kernels().f32, static_cast<float*>(nullptr));
  else body(kernels().bf16, static_cast<Bf16*>(nullptr));
}
#define ELEMENT std::remove_pointer_t<decltype(type)>

/// Calls body(piece, begin, end) for pieces of `size` things out of `count`, in parallel.
template <typename Body>
void forPieces(int64_t count, int64_t size, Body body) {
  at::parallel_for(0, (count + size - 1) / size, 1, [&](int64_t first, int64_t last) {
    for (int64_t piece = first; piece < last; piece++) body(piece, piece * size, std::min(count, (piece + 1) * size));
  });
}

int64_t pieceCount(int64_t count, int64_t size) { return (count + size - 1) / size; }

/// Where the gradient of a bias is gathered, one row a piece.
Tensor sums(int64_t pieces, int64_t channels, const Tensor& like) {
  return at::zeros({pieces, channels}, like.options().dtype(at::kFloat).memory_format(c10::nullopt));
}

/// How the pixels of [batch, C, 2h, 2w] lie in [batch, 4C, h + 1, w + 1]; see fused.cc.
struct Interleaved {
  int64_t c, height, width;  // of the enlarged image
  /// Image rows in a piece.
  int64_t rowsAtOnce() const { return pioneer::rowsAtOnce(width); }
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
  TORCH_CHECK(!upsampled || (x.size(1) > 0 && x.size(1) % 4 == 0 && x.size(2) > 1 && x.size(3) > 1), name, ": expected [batch, 4C, h + 1, w + 1], got ",
              x.sizes());
  int64_t c = upsampled ? x.size(1) / 4 : x.size(1);
  auto bias = checkedBias(inputBias, x, c, name);
  auto y = upsampled ? at::empty({x.size(0), c, 2 * (x.size(2) - 1), 2 * (x.size(3) - 1)}, x.options(), format(x)) : at::empty_like(x);
  auto scale = at::empty({pixelsOf(y)}, bias.options());
  byType(x.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    auto pass = [&](const Run& run, int64_t at, int64_t pixel) {
      kernel.pixelNormForward(run, data<T>(x) + at, data<float>(bias), data<T>(y) + pixel * c, data<float>(scale) + pixel,
                              static_cast<float>(slope), static_cast<float>(eps));
    };
    if (upsampled) {
      Interleaved lay{c, y.size(2), y.size(3)};
      forPieces(y.size(0) * lay.height, lay.rowsAtOnce(), [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) lay.row(row, pass);
      });
    } else {
      forPieces(pixelsOf(x), kRows, [&](int64_t, int64_t begin, int64_t end) { pass(Run{end - begin, c, c, c, 1}, begin * c, begin); });
    }
  });
  return {y, scale};
}

/// Zeros where the four 2x2 convolutions computed pixels that nobody reads: the last row of a = 0, the first of a = 1, and so
/// for columns.
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
  auto dx = upsampled ? at::empty({y.size(0), 4 * c, y.size(2) / 2 + 1, y.size(3) / 2 + 1}, y.options(), format(y)) : at::empty_like(y);
  Tensor db;
  byType(y.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    auto pass = [&](int64_t piece, const Run& run, int64_t at, int64_t pixel) {
      kernel.pixelNormBackward(run, data<T>(dy) + pixel * c, data<T>(y) + pixel * c, data<float>(scale) + pixel, data<T>(dx) + at,
                               data<float>(db) + piece * c, static_cast<float>(slope));
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
  byType(x.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    forPieces(pixelsOf(x), kRows, [&](int64_t, int64_t begin, int64_t end) {
      kernel.biasForward(data<T>(x) + begin * c, data<float>(bias), data<T>(y) + begin * c, end - begin, c, static_cast<float>(slope));
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
  byType(y.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    forPieces(pixelsOf(y), kRows, [&](int64_t piece, int64_t begin, int64_t end) {
      kernel.biasBackward(data<T>(dy) + begin * c, data<T>(y) + begin * c, data<T>(dx) + begin * c, data<float>(db) + piece * c,
                          end - begin, c, static_cast<float>(slope));
    });
  });
  return {dx, db.sum(0)};
}

Pair poolForward(const Tensor& input, const Tensor& inputBias, double slope) {
  auto x = asImage(input, "bias_lrelu_pool");
  TORCH_CHECK(x.size(2) % 2 == 0 && x.size(3) % 2 == 0, "bias_lrelu_pool: expected an even height and width, got ", x.sizes());
  int64_t c = x.size(1), width = x.size(3);
  auto bias = checkedBias(inputBias, x, c, "bias_lrelu_pool");
  auto y = at::empty({x.size(0), c, x.size(2) / 2, width / 2}, x.options(), format(x));
  auto signs = at::empty_like(y, y.options().dtype(at::kByte));
  byType(x.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    forPieces(y.size(0) * y.size(2), rowsAtOnce(width), [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        int64_t at = row * (width / 2) * c;
        kernel.poolForward(data<T>(x) + 4 * at, width * c, data<float>(bias), data<T>(y) + at, data<uint8_t>(signs) + at, width / 2, c,
                           static_cast<float>(slope));
      }
    });
  });
  return {y, signs};
}

Pair poolBackward(const Tensor& gradient, const Tensor& signs, double slope) {
  auto dy = asImage(gradient, "bias_lrelu_pool");
  TORCH_CHECK(dy.sizes() == signs.sizes(), "bias_lrelu_pool: expected a gradient ", signs.sizes(), ", got ", dy.sizes());
  checkKept(signs, at::kByte, "bias_lrelu_pool");
  int64_t c = dy.size(1), width = 2 * dy.size(3);
  auto dx = at::empty({dy.size(0), c, 2 * dy.size(2), width}, dy.options(), format(dy));
  int64_t rows = dy.size(0) * dy.size(2), atOnce = rowsAtOnce(width);
  auto db = sums(pieceCount(rows, atOnce), c, dy);
  byType(dy.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    forPieces(rows, atOnce, [&](int64_t piece, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        int64_t at = row * (width / 2) * c;
        kernel.poolBackward(data<T>(dy) + at, data<uint8_t>(signs) + at, data<T>(dx) + 4 * at, width * c, data<float>(db) + piece * c,
                            width / 2, c, static_cast<float>(slope));
      }
    });
  });
  return {dx, db.sum(0)};
}

Tensor fadeForward(const Tensor& inputBefore, const Tensor& inputNow, double alpha) {
  auto now = asRows(inputNow, "fade"), before = enlarged(inputBefore, now);
  checkSame(before, now, "fade");
  auto y = at::empty_like(now);
  byType(now.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    forPieces(now.numel(), kElements, [&](int64_t, int64_t begin, int64_t end) {
      kernel.fade(data<T>(before) + begin, data<T>(now) + begin, data<T>(y) + begin, end - begin, static_cast<float>(alpha));
    });
  });
  return y;
}

Tensor scaledForward(const Tensor& input, double scale, at::ScalarType dtype) {
  TORCH_CHECK(isActivation(dtype) && isActivation(input.scalar_type()) && (dtype == at::kFloat || input.scalar_type() == at::kFloat),
              "scaled: expected float32 to float32 or bfloat16, or bfloat16 to float32, got ", input.scalar_type(), " to ", dtype);
  auto w = input.contiguous(format(input));
  auto y = at::empty_like(w, w.options().dtype(dtype));
  byType(dtype == at::kFloat ? w.scalar_type() : dtype, [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    forPieces(w.numel(), kElements, [&](int64_t, int64_t begin, int64_t end) {
      if (dtype == at::kFloat) kernel.scaleFrom(data<T>(w) + begin, data<float>(y) + begin, end - begin, static_cast<float>(scale));
      else kernel.scaleTo(data<float>(w) + begin, data<T>(y) + begin, end - begin, static_cast<float>(scale));
    });
  });
  return y;
}

Tensor divided(const Tensor& w, const Tensor& sigma, at::ScalarType dtype) {
  return scaledForward(w, 1 / sigma.item<double>(), dtype);
}

Tensor upsampledKernelForward(const Tensor& input, double scale, at::ScalarType dtype) {
  TORCH_CHECK(input.dim() == 4 && input.size(2) == 3 && input.size(3) == 3 && input.scalar_type() == at::kFloat && isActivation(dtype),
              "upsampled_kernel: expected float32 [out, in, 3, 3] to float32 or bfloat16, got ", input.scalar_type(), input.sizes(), " to ",
              dtype);
  auto w = input.contiguous(at::MemoryFormat::ChannelsLast);
  int64_t out = w.size(0), c = w.size(1);
  auto y = at::empty({4 * out, c, 2, 2}, w.options().dtype(dtype), at::MemoryFormat::ChannelsLast);
  byType(dtype, [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        kernel.foldKernel(data<float>(w) + o * 9 * c, data<T>(y) + o * 4 * c, out * 4 * c, c, static_cast<float>(scale));
      }
    });
  });
  return y;
}

Tensor upsampledKernelBackward(const Tensor& gradient, double scale) {
  auto dy = asImage(gradient, "upsampled_kernel");
  TORCH_CHECK(dy.size(0) % 4 == 0 && dy.size(2) == 2 && dy.size(3) == 2, "upsampled_kernel: expected a gradient [4 out, in, 2, 2], got ",
              dy.sizes());
  int64_t out = dy.size(0) / 4, c = dy.size(1);
  auto dw = at::empty({out, c, 3, 3}, dy.options().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  byType(dy.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        kernel.unfoldKernel(data<T>(dy) + o * 4 * c, out * 4 * c, data<float>(dw) + o * 9 * c, c, static_cast<float>(scale));
      }
    });
  });
  return dw;
}

Tensor spectralNormBackward(const Tensor& gradient, const Tensor& weight, const Tensor& u, const Tensor& v, const Tensor& next,
                            const Tensor& q, const Tensor& sigma) {
  auto dy = asRows(gradient, "spectral_norm"), w = weight.contiguous(format(weight));
  TORCH_CHECK(dy.sizes() == w.sizes() && w.scalar_type() == at::kFloat, "spectral_norm: expected a gradient ", w.sizes(), ", got ",
              dy.sizes());
  checkSpectralNormKept(w, u, v, next, q, sigma);
  int64_t rows = w.size(0), length = rows == 0 ? 0 : w.numel() / rows;
  auto dw = at::empty_like(w);
  auto dots = at::empty({rows}, u.options().dtype(at::kDouble));
  byType(dy.scalar_type(), [&](auto& kernel, auto* type) {
    using T = ELEMENT;
    at::parallel_for(0, rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        data<double>(dots)[o] = kernel.dot(data<T>(dy) + o * length, data<float>(w) + o * length, length);
      }
    });
    double s = sigma.item<double>(), common = dots.sum().item<double>() / (s * s);
    at::parallel_for(0, rows, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        kernel.spectralBackward(data<T>(dy) + o * length, data<float>(v), data<float>(q), data<float>(dw) + o * length, length,
                                static_cast<float>(1 / s), static_cast<float>(common * data<float>(next)[o]),
                                static_cast<float>(common * data<float>(u)[o]));
      }
    });
  });
  return dw;
}

/// A piece of one tensor of a list.
struct Piece {
  size_t tensor;
  int64_t begin, end;
};

/// Pieces of all tensors, so that many small ones and few large ones keep all threads busy alike.
std::vector<Piece> piecesOf(at::TensorList tensors) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < tensors.size(); i++) {
    for (int64_t begin = 0; begin < tensors[i].numel(); begin += kElements) {
      pieces.push_back({i, begin, std::min(tensors[i].numel(), begin + kElements)});
    }
  }
  return pieces;
}

template <typename Body>
void forTensors(at::TensorList tensors, Body body) {
  auto pieces = piecesOf(tensors);
  at::parallel_for(0, static_cast<int64_t>(pieces.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; i++) body(pieces[i].tensor, pieces[i].begin, pieces[i].end - pieces[i].begin);
  });
}

void adam_(at::TensorList parameters, at::TensorList gradients, at::TensorList first, at::TensorList second, at::TensorList copies,
           at::ArrayRef<double> copyScales, const Tensor& rates, double beta1, double beta2, double eps) {
  auto aligned = checkAdam(parameters, gradients, first, second, copies, copyScales.size(), rates, beta1);
  const float* rate = data<float>(rates);
  forTensors(parameters, [&](size_t i, int64_t at, int64_t n) {
    bool has = copies[i].numel() > 0, half = has && copies[i].scalar_type() == at::kBFloat16;
    AdamNumbers numbers{static_cast<float>(beta1), static_cast<float>(1 - beta1), static_cast<float>(beta2), static_cast<float>(1 - beta2),
                        rate[2 * i], rate[2 * i + 1], static_cast<float>(eps)};
    kernels().adam(data<float>(parameters[i]) + at, data<float>(aligned[i]) + at, beta1 > 0 ? data<float>(first[i]) + at : nullptr,
                   data<float>(second[i]) + at, has && !half ? data<float>(copies[i]) + at : nullptr,
                   half ? data<Bf16>(copies[i]) + at : nullptr, static_cast<float>(copyScales[i]), n, numbers);
  });
  noteWritten(parameters);
  noteWritten(copies);
}

void ema_(at::TensorList averages, at::TensorList values, double weight) {
  auto aligned = checkEma(averages, values);
  forTensors(averages, [&](size_t i, int64_t at, int64_t n) {
    kernels().lerp(data<float>(averages[i]) + at, data<float>(aligned[i]) + at, n, static_cast<float>(weight));
  });
  noteWritten(averages);
}

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY_IMPL(pioneer, CPU, library) {
  library.impl("pixel_norm_lrelu_forward", pioneer::pixelNormForward);
  library.impl("pixel_norm_lrelu_backward", pioneer::pixelNormBackward);
  library.impl("bias_lrelu_forward", pioneer::biasForward);
  library.impl("bias_lrelu_backward", pioneer::biasBackward);
  library.impl("bias_lrelu_pool_forward", pioneer::poolForward);
  library.impl("bias_lrelu_pool_backward", pioneer::poolBackward);
  library.impl("fade_forward", pioneer::fadeForward);
  library.impl("scaled_forward", pioneer::scaledForward);
  library.impl("upsampled_kernel_forward", pioneer::upsampledKernelForward);
  library.impl("upsampled_kernel_backward", pioneer::upsampledKernelBackward);
  library.impl("divided", pioneer::divided);
  library.impl("spectral_norm_backward", pioneer::spectralNormBackward);
  library.impl("adam_", pioneer::adam_);
  library.impl("ema_", pioneer::ema_);
}
