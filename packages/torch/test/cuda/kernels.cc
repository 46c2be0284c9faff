// Every kernel for CUDA, run on the processor by serial.h, against the passes on the CPU: `make cuda-kernels` needs
// neither CUDA nor a GPU, only g++ and libtorch. Each that fails names its largest difference.
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/library.h>

#include <cstdio>

#define PIONEER_SERIAL_CUDA
#include "kernels/parameters/cuda.cu"
#include "kernels/pixels/cuda.cu"
#include "kernels/weights/cuda.cu"

namespace pioneer::cuda {
namespace {

int failures = 0;

template <typename Result, typename... Arguments>
Result onCpu(const char* name, Arguments... arguments) {
  auto handle = c10::Dispatcher::singleton().findSchemaOrThrow((std::string("pioneer::") + name).c_str(), "");
  return handle.typed<Result(Arguments...)>().call(arguments...);
}

/// @param allowed largest difference, relative to the largest expected value
void compare(const std::string& what, const Tensor& got, const Tensor& expected, double allowed) {
  bool alike = got.sizes() == expected.sizes() && got.strides() == expected.strides() &&
               got.scalar_type() == expected.scalar_type();
  double error = 0;
  if (alike && got.numel() > 0) {
    auto size = std::max(1e-30, expected.to(at::kDouble).abs().max().item<double>());
    error = (got.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>() / size;
  }
  bool ok = alike && error <= allowed;  // NaN is not
  failures += !ok;
  if (!ok)
    std::printf("FAILED %s: %s, relative difference %.3g, allowed %.3g\n", what.c_str(), alike ? "values" : "layout",
                error, allowed);
}

struct Shape {
  int64_t batch, c, h, w;
};

std::string name(const char* operation, at::ScalarType type, const Shape& s) {
  return std::string(operation) + " " + c10::toString(type) + " [" + std::to_string(s.batch) + ", " +
         std::to_string(s.c) + ", " + std::to_string(s.h) + ", " + std::to_string(s.w) + "]" +
         (serial::backwards ? ", backwards" : "");
}

Tensor random(const Shape& s, at::ScalarType type) {
  return s.h == 0 ? at::randn({s.batch, s.c}).to(type)
                  : at::randn({s.batch, s.c, s.h, s.w}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

constexpr float kSlope = 0.2f;
// Sums of at most 4096 float32 numbers in two orders part by a few 2^-24 of their largest sums; results rounded to
// bfloat16 may then fall to neighbours, 2^-8 apart.
double exact(at::ScalarType type) { return type == at::kFloat ? 1e-6 : 1.0 / 256; }

void testPixels(const Shape& s, at::ScalarType type) {
  auto x = random(s, type), dy = random(s, type), bias = at::randn({s.c});
  auto [y, scale] = onCpu<Pair, const Tensor&, const Tensor&, double, double, bool>("pixel_norm_lrelu_forward", x, bias,
                                                                                    kSlope, 1e-8, false);
  auto [y2, scale2] = pixelNormForward(x, bias, kSlope, 1e-8, false);
  compare(name("pixel norm", type, s), y2, y, exact(type));
  compare(name("pixel norm scale", type, s), scale2, scale, 1e-6);
  auto [dx, db] = onCpu<Pair, const Tensor&, const Tensor&, const Tensor&, double, bool>("pixel_norm_lrelu_backward",
                                                                                         dy, y, scale, kSlope, false);
  auto [dx2, db2] = pixelNormBackward(dy, y, scale, kSlope, false);
  compare(name("pixel norm dx", type, s), dx2, dx, exact(type));
  compare(name("pixel norm db", type, s), db2, db, 1e-5);

  auto biased = onCpu<Tensor, const Tensor&, const Tensor&, double>("bias_lrelu_forward", x, bias, kSlope);
  compare(name("bias", type, s), biasForward(x, bias, kSlope), biased, 0);
  auto [bx, bb] = onCpu<Pair, const Tensor&, const Tensor&, double>("bias_lrelu_backward", dy, biased, kSlope);
  auto [bx2, bb2] = biasBackward(dy, biased, kSlope);
  compare(name("bias dx", type, s), bx2, bx, 0);
  compare(name("bias db", type, s), bb2, bb, 1e-5);

  auto other = random(s, type);
  auto faded = onCpu<Tensor, const Tensor&, const Tensor&, double>("fade_forward", other, x, 0.3);
  compare(name("fade", type, s), fadeForward(other, x, 0.3), faded, exact(type));
}

/// Shapes of the small image: [c, h, w] of what is enlarged and pooled.
void testImages(const Shape& s, at::ScalarType type) {
  auto bias = at::randn({s.c});
  auto apart = random({s.batch, 4 * s.c, s.h + 1, s.w + 1}, type);
  auto [y, scale] = onCpu<Pair, const Tensor&, const Tensor&, double, double, bool>("pixel_norm_lrelu_forward", apart,
                                                                                    bias, kSlope, 1e-8, true);
  auto [y2, scale2] = pixelNormForward(apart, bias, kSlope, 1e-8, true);
  compare(name("upsampled pixel norm", type, s), y2, y, exact(type));
  compare(name("upsampled pixel norm scale", type, s), scale2, scale, 1e-6);
  auto dy = random({s.batch, s.c, 2 * s.h, 2 * s.w}, type);
  auto [dx, db] = onCpu<Pair, const Tensor&, const Tensor&, const Tensor&, double, bool>("pixel_norm_lrelu_backward",
                                                                                         dy, y, scale, kSlope, true);
  auto [dx2, db2] = pixelNormBackward(dy, y, scale, kSlope, true);
  compare(name("upsampled pixel norm dx", type, s), dx2, dx, exact(type));
  compare(name("upsampled pixel norm db", type, s), db2, db, 1e-5);

  auto large = random({s.batch, s.c, 2 * s.h, 2 * s.w}, type), gradient = random(s, type);
  auto [pooled, signs] =
      onCpu<Pair, const Tensor&, const Tensor&, double>("bias_lrelu_pool_forward", large, bias, kSlope);
  auto [pooled2, signs2] = poolForward(large, bias, kSlope);
  compare(name("pool", type, s), pooled2, pooled, exact(type));
  compare(name("pool signs", type, s), signs2, signs, 0);
  auto [px, pb] =
      onCpu<Pair, const Tensor&, const Tensor&, double>("bias_lrelu_pool_backward", gradient, signs, kSlope);
  auto [px2, pb2] = poolBackward(gradient, signs, kSlope);
  compare(name("pool dx", type, s), px2, px, 0);
  compare(name("pool db", type, s), pb2, pb, 1e-5);

  auto half = random(s, type);
  compare(name("fade of half size", type, s), fadeForward(half, large, 0.7),
          onCpu<Tensor, const Tensor&, const Tensor&, double>("fade_forward", half, large, 0.7), exact(type));
}

void testWeights(int64_t out, int64_t in, at::ScalarType type) {
  Shape s{out, in, 3, 3};
  auto w = random(s, at::kFloat), dy = random(s, type);
  compare(name("scaled", type, s), scaledForward(w, 0.37, type),
          onCpu<Tensor, const Tensor&, double, at::ScalarType>("scaled_forward", w, 0.37, type), 0);
  compare(name("scaled back", type, s), scaledForward(dy, 0.37, at::kFloat),
          onCpu<Tensor, const Tensor&, double, at::ScalarType>("scaled_forward", dy, 0.37, at::kFloat), 0);
  auto sigma = at::full({}, 1.7f);
  compare(name("divided", type, s), divided(w, sigma, type),
          onCpu<Tensor, const Tensor&, const Tensor&, at::ScalarType>("divided", w, sigma, type), exact(type));
  auto folded = onCpu<Tensor, const Tensor&, double, at::ScalarType>("upsampled_kernel_forward", w, 0.37, type);
  compare(name("upsampled kernel", type, s), upsampledKernelForward(w, 0.37, type), folded, exact(type));
  auto gradient = at::randn(folded.sizes()).to(type).contiguous(at::MemoryFormat::ChannelsLast);
  compare(name("upsampled kernel back", type, s), upsampledKernelBackward(gradient, 0.37),
          onCpu<Tensor, const Tensor&, double>("upsampled_kernel_backward", gradient, 0.37), exact(at::kFloat));
  auto u = at::randn({out}), v = at::randn({9 * in}), next = at::randn({out}), q = at::randn({9 * in});
  auto dw = onCpu<Tensor, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                  const Tensor&>("spectral_norm_backward", dy, w, u, v, next, q, sigma);
  compare(name("spectral norm back", type, s), spectralNormBackward(dy, w, u, v, next, q, sigma), dw, 1e-5);
}

/// More tensors than one table holds, an empty one and one of several chunks among them.
void testParameters(double beta1) {
  std::vector<Tensor> before, gradients, first, second, copies;
  std::vector<double> scales;
  for (int64_t i = 0; i < 120; i++) {
    auto p = i == 7 ? at::randn({40, 31, 3, 30}).contiguous(at::MemoryFormat::ChannelsLast)
                    : at::randn({i == 9 ? 0 : i + 1, 3});
    before.push_back(p);
    gradients.push_back(i == 7 ? at::randn(p.sizes()) : at::randn_like(p));  // the 7th lies otherwise
    if (beta1 > 0) first.push_back(at::randn_like(p));
    second.push_back(at::rand_like(p));
    copies.push_back(i % 3 == 0 ? at::empty({0})
                                : at::empty_like(p, p.options().dtype(i % 3 == 1 ? at::kFloat : at::kBFloat16)));
    scales.push_back(0.1 * static_cast<double>(i));
  }
  auto copied = [](const std::vector<Tensor>& tensors) {
    std::vector<Tensor> all;
    for (auto& tensor : tensors) all.push_back(tensor.clone());
    return all;
  };
  auto p = copied(before), m = copied(first), v = copied(second), c = copied(copies);
  auto p2 = copied(before), m2 = copied(first), v2 = copied(second), c2 = copied(copies);
  auto rates = at::rand({static_cast<int64_t>(p.size()), 2}).mul_(0.01);
  onCpu<void, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::TensorList, at::ArrayRef<double>,
        const Tensor&, double, double, double>("adam_", p, gradients, m, v, c, scales, rates, beta1, 0.99, 1e-8);
  adam_(p2, gradients, m2, v2, c2, scales, rates, beta1, 0.99, 1e-8);
  auto average = copied(before), average2 = copied(before);
  onCpu<void, at::TensorList, at::TensorList, double>("ema_", average, p, 0.25);
  ema_(average2, p, 0.25);
  for (size_t i = 0; i < p.size(); i++) {
    auto of = [&](const char* part) { return std::string("adam ") + part + " of tensor " + std::to_string(i); };
    compare(of("parameter"), p2[i], p[i], 1e-6);
    compare(of("second moment"), v2[i], v[i], 1e-6);
    if (beta1 > 0) compare(of("first moment"), m2[i], m[i], 1e-6);
    if (copies[i].numel() > 0) compare(of("copy"), c2[i], c[i], exact(copies[i].scalar_type()));
    compare("average " + std::to_string(i), average2[i], average[i], 1e-6);
  }
}

}  // namespace
}  // namespace pioneer::cuda

int main() {
  using namespace pioneer;
  using namespace pioneer::cuda;
  at::manual_seed(0);
  at::NoGradGuard noGrad;
  for (bool backwards : {false, true}) {
    serial::backwards = backwards;
    for (auto type : {at::kFloat, at::kBFloat16}) {
      // Rests in channels and rows, 1 x 1 pixels, rows without an image, several pieces, none at all, many channels.
      for (Shape s : {Shape{4, 512, 4, 4},
                      {3, 33, 5, 7},
                      {2, 2, 3, 3},
                      {1, 130, 1, 1},
                      {7, 48, 0, 0},
                      {3, 17, 40, 40},
                      {0, 5, 4, 4},
                      {2, 3000, 3, 3}}) {
        testPixels(s, type);
      }
      for (Shape s : {Shape{2, 33, 3, 5}, {1, 1, 1, 1}, {3, 64, 4, 4}, {2, 17, 20, 12}}) testImages(s, type);
      for (auto [out, in] : {std::pair{5, 33}, {64, 17}, {1, 1}}) testWeights(out, in, type);
    }
    for (double beta1 : {0.0, 0.5}) testParameters(beta1);
  }
  std::printf(failures == 0 ? "all kernels agree\n" : "%d comparisons failed\n", failures);
  return failures != 0;
}
