// A 3x3 convolution of the same size with 4/9 of the multiplications: Winograd's F(2x2, 3x3). Each tile of 2x2 pixels of y comes
// of 4x4 pixels of x, which become 16 numbers (B' t B); the kernel becomes 16 as well (G w G'); the sums over channels of their
// products are 16 matrix products, [tiles, in] x [in, out]; and those become the tile (A' m A). The way to x is the same
// convolution with the kernel turned and transposed; the way to w goes through the 16 transposed.
// A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.1. On the processor only.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "fused-checks.h"
#include "kernels.h"

namespace pioneer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Of each of the 16 matrices that are held at once: few enough to stay in the cache between the passes, enough for their products
/// to run at full speed.
constexpr int64_t kBytes = int64_t{1} << 21;

template <typename T>
const PixelKernels<T>& kernelsOf();
template <>
const PixelKernels<float>& kernelsOf<float>() {
  return kernels().f32;
}
template <>
const PixelKernels<Bf16>& kernelsOf<Bf16>() {
  return kernels().bf16;
}

template <typename T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Images as rows of tiles of 2x2 pixels.
struct Tiles {
  int64_t images, height, width;  // in tiles
  int64_t atOnce;                 // images
  Tiles(const Tensor& x, int64_t channels) : images(x.size(0)), height(x.size(2) / 2), width(x.size(3) / 2) {
    int64_t bytes = height * width * channels * static_cast<int64_t>(x.element_size());
    atOnce = std::max<int64_t>(1, kBytes / std::max<int64_t>(1, bytes));
  }
  int64_t count(int64_t of) const { return of * height * width; }

  /// Calls body(tile, image, top, left) for the tiles of `of` images from `first` on, in parallel; top and left in pixels of x.
  template <typename Body>
  void each(int64_t first, int64_t of, Body body) const {
    at::parallel_for(0, of * height, 4, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; row++) {
        for (int64_t j = 0; j < width; j++) body(row * width + j, first + row / height, 2 * (row % height), 2 * j);
      }
    });
  }
};

/// [16, count, c], the 16 apart from one another by more than a power of two: all are written at once, and must not fall on the
/// same lines of the cache.
Tensor sixteen(int64_t count, int64_t c, const Tensor& like) {
  int64_t step = count * c + 64;
  auto memory = at::empty({16 * step}, like.options().memory_format(c10::nullopt));
  return memory.as_strided({16, count, c}, {step, c, 1});
}

/// [images, C, h, w] from image `first` on to [16, tiles, C]: pixels outside are zeros.
template <typename T>
void toFactors(const Tensor& x, const Tiles& tiles, int64_t first, int64_t of, const Tensor& factors) {
  int64_t c = x.size(1), height = x.size(2), width = x.size(3), step = factors.stride(0);
  const std::vector<T> zeros(c);
  tiles.each(first, of, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
    const T* pixels[16];
    for (int64_t i = 0; i < 16; i++) {
      int64_t y = top + i / 4 - 1, x0 = left + i % 4 - 1;
      bool inside = y >= 0 && y < height && x0 >= 0 && x0 < width;
      pixels[i] = inside ? data<T>(x) + ((image * height + y) * width + x0) * c : zeros.data();
    }
    kernelsOf<T>().tileToFactors(pixels, data<T>(factors) + tile * c, step, c);
  });
}

/// The four pixels of a tile.
template <typename T, typename Pointer = T*>
void tilePixels(const Tensor& x, int64_t image, int64_t top, int64_t left, Pointer* pixels) {
  for (int64_t i = 0; i < 4; i++) {
    pixels[i] = data<T>(x) + ((image * x.size(2) + top + i / 2) * x.size(3) + left + i % 2) * x.size(1);
  }
}

/// A [out, in, 3, 3] kernel to [16, out, in].
template <typename T>
Tensor kernelFactors(const Tensor& w, bool flipped) {
  int64_t out = w.size(0), in = w.size(1);
  auto factors = at::empty({16, out, in}, w.options().memory_format(c10::nullopt));
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      kernelsOf<T>().kernelToFactors(data<T>(w) + o * 9 * in, data<T>(factors) + o * in, out * in, in, flipped);
    }
  });
  return factors;
}

/// @param kernel [16, in, out]
template <typename T>
Tensor convolve(const Tensor& x, const Tensor& kernel) {
  int64_t in = x.size(1), out = kernel.size(2);
  Tiles tiles(x, std::max(in, out));
  auto y = at::empty({x.size(0), out, x.size(2), x.size(3)}, x.options(), at::MemoryFormat::ChannelsLast);
  Tensor factors, products;
  for (int64_t first = 0; first < tiles.images; first += tiles.atOnce) {
    int64_t of = std::min(tiles.atOnce, tiles.images - first), count = tiles.count(of);
    if (!factors.defined() || factors.size(1) != count) {
      factors = sixteen(count, in, x);
      products = sixteen(count, out, x);
    }
    toFactors<T>(x, tiles, first, of, factors);
    // One by one: libtorch 1.13 copies a batch whose matrices do not follow each other.
    for (int64_t i = 0; i < 16; i++) {
      auto product = products[i];
      at::mm_out(product, factors[i], kernel[i]);
    }
    tiles.each(first, of, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
      T* pixels[4];
      tilePixels<T>(y, image, top, left, pixels);
      kernelsOf<T>().productsToTile(data<T>(products) + tile * out, products.stride(0), pixels, out);
    });
  }
  return y;
}

/// The gradient of the kernel, [out, in, 3, 3] like w.
template <typename T>
Tensor kernelGradient(const Tensor& x, const Tensor& dy, const Tensor& w) {
  int64_t in = x.size(1), out = dy.size(1);
  Tiles tiles(x, std::max(in, out));
  // Each group's sum is rounded to the format of the products; the sum of the groups is not.
  auto sum = at::zeros({16, out, in}, x.options().dtype(at::kFloat).memory_format(c10::nullopt));
  for (int64_t first = 0; first < tiles.images; first += tiles.atOnce) {
    int64_t of = std::min(tiles.atOnce, tiles.images - first), count = tiles.count(of);
    auto factors = sixteen(count, in, x), products = sixteen(count, out, x);
    toFactors<T>(x, tiles, first, of, factors);
    tiles.each(first, of, [&](int64_t tile, int64_t image, int64_t top, int64_t left) {
      const T* pixels[4];
      tilePixels<T>(dy, image, top, left, pixels);
      kernelsOf<T>().tileToProducts(pixels, data<T>(products) + tile * out, products.stride(0), out);
    });
    for (int64_t i = 0; i < 16; i++) sum[i].add_(at::mm(products[i].t(), factors[i]));
  }
  auto dw = at::empty_like(w);
  at::parallel_for(0, out, 8, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++) {
      kernelsOf<T>().factorsToKernel(data<float>(sum) + o * in, out * in, data<T>(dw) + o * 9 * in, in);
    }
  });
  return dw;
}

template <typename Body>
auto byType(const Tensor& x, Body body) {
  return x.scalar_type() == at::kFloat ? body(float()) : body(Bf16());
}

struct Winograd : torch::autograd::Function<Winograd> {
  static constexpr auto name = "winograd_convolution";

  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight) {
    at::AutoDispatchBelowAutograd below;
    auto x = asImage(input, name), w = asImage(weight, name);
    checkPlace(x, w, name);
    TORCH_CHECK(x.is_cpu(), name, ": expected tensors on the CPU, got ", x.device());
    TORCH_CHECK(x.scalar_type() == w.scalar_type() && w.size(1) == x.size(1) && w.size(2) == 3 && w.size(3) == 3 &&
                    x.size(2) % 2 == 0 && x.size(3) % 2 == 0,
                name, ": expected an image of even height and width and a kernel [out, in, 3, 3] of one dtype, got ", x.scalar_type(),
                x.sizes(), " and ", w.scalar_type(), w.sizes());
    context->save_for_backward({x, w});
    return byType(x, [&](auto type) {
      return convolve<decltype(type)>(x, kernelFactors<decltype(type)>(w, false).transpose(1, 2));
    });
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), name, " has no second derivative: use conv2d where createGraph is set");
    auto saved = context->get_saved_variables();
    auto &x = saved[0], &w = saved[1];
    auto dy = asImage(gradients[0], name);
    return byType(x, [&](auto type) -> variable_list {
      using T = decltype(type);
      return {context->needs_input_grad(0) ? convolve<T>(dy, kernelFactors<T>(w, true)) : Tensor(),
              context->needs_input_grad(1) ? kernelGradient<T>(x, dy, w) : Tensor()};
    });
  }
};

Tensor winogradConvolution(const Tensor& x, const Tensor& w) { return Winograd::apply(x, w); }

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY_FRAGMENT(pioneer, library) {
  // x [batch, in, h, w], w [out, in, 3, 3], both channels last, float32 or bfloat16; h and w even.
  library.def("winograd_convolution(Tensor x, Tensor w) -> Tensor", pioneer::winogradConvolution);
}
