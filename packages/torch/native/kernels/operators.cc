// Pointwise chains of the networks and of training as single passes over memory, registered as ordinary operators. Here are
// their schemas and their derivatives, on any device; the passes themselves are `*_forward`, `*_backward` and the operators
// that end in `_`, written in fused-cpu.cc and fused.cu. None has a second derivative: where one is wanted, compose.
//
// Activations x, y: float32 or bfloat16, [batch, C, h, w] channels last, or [batch, C]. Biases: float32 [C], and so are their
// gradients. lrelu(t) = t > 0 ? t : slope t.
//   pixel_norm_lrelu(x, bias, slope, eps)  lrelu(h / sqrt(mean over channels of h^2 + eps)), h = x + bias
//     upsampled: x is [batch, 4C, h + 1, w + 1], what four 2x2 convolutions gave (upsampled_kernel); the result is
//     [batch, C, 2h, 2w]: pixel (2i + a, 2j + b) is x's pixel (i + a, j + b), channels from (2a + b) C on
//   bias_lrelu(x, bias, slope)             lrelu(x + bias)
//   bias_lrelu_pool(x, bias, slope)        its 2x2 means; h and w even
//   fade(before, now, alpha)               (1 - alpha) before + alpha now; before may be half as large: then enlarged, nearest
//   upsampled_convolution(x, kernel)       2x2 convolution of x padded by 1, with its own way back
// Weights, float32, [out, in, k, k] channels last:
//   scaled_forward(w, scale, dtype)            w scale, in the dtype of convolutions
//   upsampled_kernel_forward(w, scale, dtype)  3x3 after nearest upsampling is four 2x2 before it, 4/9 of the work:
//                                              [4 out, in, 2, 2], rows (2a + b) out make the pixels (2i + a, 2j + b)
//   prepared(w, copy, scale)                   `copy`, which one of these two made or adam_ wrote, as a function of w
//   spectral_norm(w, u, dtype)                 (w / sigma, u'): one power iteration; gradients through v, u' and sigma
#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

namespace pioneer {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Pair = std::tuple<Tensor, Tensor>;

/// Calls an operator of this library, below autograd.
template <typename Result, typename... Arguments>
Result call(const char* name, Arguments... arguments) {
  at::AutoDispatchBelowAutograd below;
  auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
  return handle.typed<Result(Arguments...)>().call(arguments...);
}

void refuseSecondDerivative(const char* name) {
  TORCH_CHECK(!at::GradMode::is_enabled(), name, " has no second derivative: compose it of ATen operators where createGraph is set");
}

float number(AutogradContext* context, const char* name) { return static_cast<float>(context->saved_data[name].toDouble()); }

struct PixelNormLrelu : torch::autograd::Function<PixelNormLrelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& bias, double slope, double eps, bool upsampled) {
    auto [y, scale] = call<Pair, const Tensor&, const Tensor&, double, double, bool>("pioneer::pixel_norm_lrelu_forward", x, bias,
                                                                                     slope, eps, upsampled);
    // LeakyReLU can be undone: y tells what went into it.
    context->save_for_backward({y, scale});
    context->saved_data["slope"] = slope;
    context->saved_data["upsampled"] = upsampled;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::pixel_norm_lrelu");
    auto saved = context->get_saved_variables();
    auto [dx, db] = call<Pair, const Tensor&, const Tensor&, const Tensor&, double, bool>(
        "pioneer::pixel_norm_lrelu_backward", gradients[0], saved[0], saved[1], number(context, "slope"),
        context->saved_data["upsampled"].toBool());
    return {dx, db, Tensor(), Tensor(), Tensor()};
  }
};

struct BiasLrelu : torch::autograd::Function<BiasLrelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& bias, double slope) {
    auto y = call<Tensor, const Tensor&, const Tensor&, double>("pioneer::bias_lrelu_forward", x, bias, slope);
    context->save_for_backward({y});
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::bias_lrelu");
    auto y = context->get_saved_variables()[0];
    auto [dx, db] = call<Pair, const Tensor&, const Tensor&, double>("pioneer::bias_lrelu_backward", gradients[0], y,
                                                                     number(context, "slope"));
    return {dx, db, Tensor()};
  }
};

struct BiasLreluPool : torch::autograd::Function<BiasLreluPool> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& bias, double slope) {
    auto [y, signs] = call<Pair, const Tensor&, const Tensor&, double>("pioneer::bias_lrelu_pool_forward", x, bias, slope);
    context->save_for_backward({signs});
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::bias_lrelu_pool");
    auto signs = context->get_saved_variables()[0];
    auto [dx, db] = call<Pair, const Tensor&, const Tensor&, double>("pioneer::bias_lrelu_pool_backward", gradients[0], signs,
                                                                     number(context, "slope"));
    return {dx, db, Tensor()};
  }
};

struct Fade : torch::autograd::Function<Fade> {
  static Tensor forward(AutogradContext* context, const Tensor& before, const Tensor& now, double alpha) {
    context->saved_data["alpha"] = alpha;
    context->saved_data["enlarged"] = before.sizes() != now.sizes();
    return call<Tensor, const Tensor&, const Tensor&, double>("pioneer::fade_forward", before, now, alpha);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::fade");
    auto alpha = context->saved_data["alpha"].toDouble();
    auto dy = gradients[0];
    // The mean of four times four is their sum.
    auto before = context->saved_data["enlarged"].toBool() ? at::avg_pool2d(dy, 2).mul_(4 * (1 - alpha)) : dy * (1 - alpha);
    return {before, dy * alpha, Tensor()};
  }
};

struct Prepared : torch::autograd::Function<Prepared> {
  static Tensor forward(AutogradContext* context, const Tensor& w, const Tensor& copy, double scale) {
    context->saved_data["scale"] = scale;
    context->saved_data["same"] = w.sizes() == copy.sizes();
    return copy.detach();
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::prepared");
    auto scale = context->saved_data["scale"].toDouble();
    auto dw = context->saved_data["same"].toBool()
                  ? call<Tensor, const Tensor&, double, at::ScalarType>("pioneer::scaled_forward", gradients[0], scale, at::kFloat)
                  : call<Tensor, const Tensor&, double>("pioneer::upsampled_kernel_backward", gradients[0], scale);
    return {dw, Tensor(), Tensor()};
  }
};

/// The pixels that each of the four taps of a 2x2 kernel sees, side by side: [batch, 4 C, h + 1, w + 1], channels last.
Tensor tapsOf(const Tensor& x) {
  auto padded = at::constant_pad_nd(x, {1, 1, 1, 1});
  std::vector<Tensor> taps;
  for (int64_t tap = 0; tap < 4; tap++) {
    taps.push_back(padded.narrow(2, tap / 2, x.size(2) + 1).narrow(3, tap % 2, x.size(3) + 1));
  }
  return at::cat(taps, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

/// Pixels as rows: [batch h w, C].
Tensor pixelRows(const Tensor& x) { return x.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}); }

struct UpsampledConvolution : torch::autograd::Function<UpsampledConvolution> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& kernel) {
    at::AutoDispatchBelowAutograd below;
    context->save_for_backward({x, kernel});
    return at::conv2d(x, kernel, {}, 1, 1);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::upsampled_convolution");
    auto saved = context->get_saved_variables();
    auto &x = saved[0], &kernel = saved[1];
    auto dy = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    // oneDNN's gradient of a 2x2 kernel runs at a third of its rate with few pixels and many channels: one matrix product
    // of the gradient with the pixels of all taps runs at the full one.
    bool asProduct = x.is_cpu();
    auto convolution = at::convolution_backward(dy, x, kernel, c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                                                {context->needs_input_grad(0), !asProduct && context->needs_input_grad(1), false});
    auto dx = std::get<0>(convolution), dk = std::get<1>(convolution);
    if (asProduct && context->needs_input_grad(1)) {
      auto matrix = at::mm(pixelRows(dy).t(), pixelRows(tapsOf(x)));
      dk = matrix.view({kernel.size(0), 2, 2, kernel.size(1)}).permute({0, 3, 1, 2});
    }
    return {dx, dk};
  }
};

/// The weight as [out, k k in], in the order of its memory.
Tensor asMatrix(const Tensor& w) {
  auto lasting = w.dim() == 4 ? w.permute({0, 2, 3, 1}) : w;
  return lasting.reshape({w.size(0), -1});
}

struct SpectralNorm : torch::autograd::Function<SpectralNorm> {
  static variable_list forward(AutogradContext* context, const Tensor& weight, const Tensor& u, int64_t dtype) {
    at::AutoDispatchBelowAutograd below;
    auto w = asMatrix(weight);
    auto from = u.reshape({-1});
    auto back = at::mv(w.t(), from);
    auto length = back.norm();
    auto v = back / length;
    auto forth = at::mv(w, v);
    auto sigma = forth.norm();
    auto next = forth / sigma;
    auto normalised = call<Tensor, const Tensor&, const Tensor&, at::ScalarType>("pioneer::divided", weight, sigma,
                                                                                 static_cast<at::ScalarType>(dtype));
    auto nextColumn = next.reshape(u.sizes());
    context->save_for_backward({weight, from, v, next, sigma, length});
    context->mark_non_differentiable({nextColumn});
    return {normalised, nextColumn};
  }

  /// sigma = |W v|, v = W'u / |W'u|: d sigma / dW = u' v' + u q', q = (W'u' - sigma v) / |W'u|.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::spectral_norm");
    auto saved = context->get_saved_variables();
    auto &weight = saved[0], &u = saved[1], &v = saved[2], &next = saved[3], &sigma = saved[4], &length = saved[5];
    auto q = (at::mv(asMatrix(weight).t(), next) - sigma * v) / length;
    auto dw = call<Tensor, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&>(
        "pioneer::spectral_norm_backward", gradients[0], weight, u, v, next, q, sigma);
    return {dw, Tensor(), Tensor()};
  }
};

/// Their way back reads the sign of what went in off what came out.
void checkSlope(double slope, const char* name) { TORCH_CHECK(slope > 0, name, ": expected a slope above 0, got ", slope); }

Tensor pixelNormLrelu(const Tensor& x, const Tensor& bias, double slope, double eps) {
  checkSlope(slope, "pixel_norm_lrelu");
  return PixelNormLrelu::apply(x, bias, slope, eps, false);
}
Tensor upsampledPixelNormLrelu(const Tensor& x, const Tensor& bias, double slope, double eps) {
  checkSlope(slope, "upsampled_pixel_norm_lrelu");
  return PixelNormLrelu::apply(x, bias, slope, eps, true);
}
Tensor biasLrelu(const Tensor& x, const Tensor& bias, double slope) {
  checkSlope(slope, "bias_lrelu");
  return BiasLrelu::apply(x, bias, slope);
}
Tensor biasLreluPool(const Tensor& x, const Tensor& bias, double slope) {
  checkSlope(slope, "bias_lrelu_pool");
  return BiasLreluPool::apply(x, bias, slope);
}
Tensor fade(const Tensor& before, const Tensor& now, double alpha) { return Fade::apply(before, now, alpha); }
Tensor prepared(const Tensor& w, const Tensor& copy, double scale) { return Prepared::apply(w, copy, scale); }
Tensor upsampledConvolution(const Tensor& x, const Tensor& kernel) { return UpsampledConvolution::apply(x, kernel); }
Pair spectralNorm(const Tensor& w, const Tensor& u, at::ScalarType dtype) {
  auto results = SpectralNorm::apply(w, u, static_cast<int64_t>(dtype));
  return {results[0], results[1]};
}

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY(pioneer, library) {
  // For the networks: differentiable once, on any device that has the passes below.
  library.def("pixel_norm_lrelu(Tensor x, Tensor bias, float slope, float eps) -> Tensor", pioneer::pixelNormLrelu);
  library.def("upsampled_pixel_norm_lrelu(Tensor x, Tensor bias, float slope, float eps) -> Tensor",
              pioneer::upsampledPixelNormLrelu);
  library.def("bias_lrelu(Tensor x, Tensor bias, float slope) -> Tensor", pioneer::biasLrelu);
  library.def("bias_lrelu_pool(Tensor x, Tensor bias, float slope) -> Tensor", pioneer::biasLreluPool);
  library.def("fade(Tensor before, Tensor now, float alpha) -> Tensor", pioneer::fade);
  library.def("upsampled_convolution(Tensor x, Tensor kernel) -> Tensor", pioneer::upsampledConvolution);
  library.def("prepared(Tensor w, Tensor copy, float scale) -> Tensor", pioneer::prepared);
  library.def("spectral_norm(Tensor w, Tensor u, ScalarType dtype) -> (Tensor, Tensor)", pioneer::spectralNorm);

  // The passes: one implementation for each device.
  library.def("pixel_norm_lrelu_forward(Tensor x, Tensor bias, float slope, float eps, bool upsampled) -> (Tensor y, Tensor scale)");
  library.def("pixel_norm_lrelu_backward(Tensor dy, Tensor y, Tensor scale, float slope, bool upsampled) -> (Tensor dx, Tensor db)");
  library.def("bias_lrelu_forward(Tensor x, Tensor bias, float slope) -> Tensor");
  library.def("bias_lrelu_backward(Tensor dy, Tensor y, float slope) -> (Tensor dx, Tensor db)");
  // signs: uint8, like y; bit 2 row + column is set where that one of the four was positive.
  library.def("bias_lrelu_pool_forward(Tensor x, Tensor bias, float slope) -> (Tensor y, Tensor signs)");
  library.def("bias_lrelu_pool_backward(Tensor dy, Tensor signs, float slope) -> (Tensor dx, Tensor db)");
  library.def("fade_forward(Tensor before, Tensor now, float alpha) -> Tensor");
  library.def("scaled_forward(Tensor w, float scale, ScalarType dtype) -> Tensor");
  library.def("upsampled_kernel_forward(Tensor w, float scale, ScalarType dtype) -> Tensor");
  library.def("upsampled_kernel_backward(Tensor dy, float scale) -> Tensor");
  // w / sigma, sigma a scalar tensor, in that dtype.
  library.def("divided(Tensor w, Tensor sigma, ScalarType dtype) -> Tensor");
  // dy / sigma - <dy, w> / sigma^2 (next v' + u q'); vectors in the order of w's memory.
  library.def("spectral_norm_backward(Tensor dy, Tensor w, Tensor u, Tensor v, Tensor next, Tensor q, Tensor sigma) -> Tensor");

  // One pass over all parameters, float32, in place. Adam: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
  // p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps). `first` is empty where b1 = 0; copies[i], if it has elements,
  // becomes p copy_scales[i], in its own dtype. What changes from step to step lies on the device, so that a CUDA graph can
  // be launched again: rates[i] = [lr / (1 - b1^t), 1 / sqrt(1 - b2^t)].
  library.def(
      "adam_(Tensor(a!)[] parameters, Tensor[] gradients, Tensor(b!)[] first, Tensor(c!)[] second, Tensor(d!)[] copies, "
      "float[] copy_scales, Tensor rates, float beta1, float beta2, float eps) -> ()");
  // average += weight (value - average)
  library.def("ema_(Tensor(a!)[] averages, Tensor[] values, float weight) -> ()");
}
