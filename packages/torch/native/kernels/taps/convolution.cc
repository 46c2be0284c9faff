// The weight gradient of a 3x3 convolution of the same size as nine matrix products, one for each tap. oneDNN's own
// runs at a fraction of the rate of its products where images are small: with AMX and oneDNN 2.6 at a quarter at 4x4.
//
// The pixels lie in one row: those of all images at one place side by side, places row by row, and behind each row of
// places one of zeros. A tap is then a step along it, whichever side of an image it crosses, and the products of
//   dw[tap] = sum over pixels p of dy[p] x[p + step(tap)]'
// read the same two matrices, [pixels, out]' and [pixels, in] from the tap's step on: nothing is copied for a tap, and
// hardly a zero is multiplied.
#include "kernels/taps/convolution.h"

#include <algorithm>

namespace pioneer {
namespace {

/// Pixels in one product: of two times so many a hundred channels stay in the cache for all nine, and they are enough
/// for the products to run at full speed.
constexpr int64_t kPixels = 4096;

/// [batch, C, h, w] as a row of pixels, [h (w + 1) batch, C], with one place of zeros before and one behind.
Tensor inOneRow(const Tensor& image) {
  int64_t batch = image.size(0), c = image.size(1), h = image.size(2), w = image.size(3);
  auto places = at::zeros({h * (w + 1) + 2, batch, c}, image.options().memory_format(c10::nullopt));
  auto inside = places.narrow(0, 1, h * (w + 1)).view({h, w + 1, batch, c}).narrow(1, 0, w);
  inside.copy_(image.permute({2, 3, 0, 1}));
  return places.view({-1, c});
}

/// The sums over pixels first to last - 1, for each tap; body(tap, [out, in]).
template <typename Body>
void forTaps(const Tensor& x, const Tensor& from, const Tensor& to, int64_t first, int64_t last, Body body) {
  int64_t batch = x.size(0), height = x.size(2), width = x.size(3) + 1;
  for (int64_t tap = 0; tap < 9; tap++) {
    int64_t down = tap / 3 - 1, step = (down * width + tap % 3 - 1) * batch;
    // Rows of places that the tap finds in the image.
    int64_t begin = std::max(first, down < 0 ? width * batch : 0);
    int64_t end = std::min(last, (down > 0 ? height - 1 : height) * width * batch);
    int64_t count = std::max<int64_t>(0, end - begin);
    body(tap, at::mm(to.narrow(1, batch + begin, count), from.narrow(0, batch + begin + step, count)));
  }
}

}  // namespace

/// Where pixels are many, the sum of each group of them is rounded to the format of the products; the sum of the groups
/// is not.
Tensor tapsToWeights(const Tensor& x, const Tensor& dy) {
  int64_t out = dy.size(1), in = x.size(1), pixels = x.size(0) * x.size(2) * (x.size(3) + 1);
  int64_t groups = std::max<int64_t>(1, (pixels + kPixels - 1) / kPixels), atOnce = (pixels + groups - 1) / groups;
  auto from = inOneRow(x), to = inOneRow(dy).t();
  auto dw = at::empty({out, 9, in}, x.options().memory_format(c10::nullopt));
  if (groups == 1) {
    forTaps(x, from, to, 0, pixels, [&](int64_t tap, const Tensor& sum) { dw.select(1, tap).copy_(sum); });
  } else {
    auto sums = at::zeros({9, out, in}, dw.options().dtype(at::kFloat));
    for (int64_t first = 0; first < pixels; first += atOnce) {
      auto last = std::min(first + atOnce, pixels);
      forTaps(x, from, to, first, last, [&](int64_t tap, const Tensor& sum) { sums[tap].add_(sum); });
    }
    dw.copy_(sums.transpose(0, 1));
  }
  return dw.view({out, 3, 3, in}).permute({0, 3, 1, 2});
}

}  // namespace pioneer
