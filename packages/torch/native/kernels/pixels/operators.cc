// Pointwise chains of the networks as single passes over memory, registered as ordinary operators. Here are their
// schemas and their derivatives, on any device; the passes themselves are `*_forward` and `*_backward`, written in
// cpu.cc and cuda.cu. None has a second derivative: where one is wanted, compose.
//
// Activations x, y: float32 or bfloat16, [batch, C, h, w] channels last, or [batch, C]. Biases: float32 [C], and so are
// their gradients. lrelu(t) = t > 0 ? t : slope t.
//   pixel_norm_lrelu(x, bias, slope, eps)  lrelu(h / sqrt(mean over channels of h^2 + eps)), h = x + bias
//     upsampled: x is [batch, 4C, h + 1, w + 1], what four 2x2 convolutions gave (upsampled_kernel); the result is
//     [batch, C, 2h, 2w]: pixel (2i + a, 2j + b) is x's pixel (i + a, j + b), channels from (2a + b) C on
//   bias_lrelu(x, bias, slope)             lrelu(x + bias)
//   bias_lrelu_pool(x, bias, slope)        its 2x2 means; h and w even
//   fade(before, now, alpha)               (1 - alpha) before + alpha now; a before of half the size is enlarged,
//   nearest
#include <torch/library.h>

#include "kernels/autograd.h"

namespace pioneer {
namespace {

struct PixelNormLrelu : torch::autograd::Function<PixelNormLrelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& bias, double slope, double eps,
                        bool upsampled) {
    auto [y, scale] = call<Pair, const Tensor&, const Tensor&, double, double, bool>(
        "pioneer::pixel_norm_lrelu_forward", x, bias, slope, eps, upsampled);
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
    auto [y, signs] =
        call<Pair, const Tensor&, const Tensor&, double>("pioneer::bias_lrelu_pool_forward", x, bias, slope);
    context->save_for_backward({signs});
    context->saved_data["slope"] = slope;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseSecondDerivative("pioneer::bias_lrelu_pool");
    auto signs = context->get_saved_variables()[0];
    auto [dx, db] = call<Pair, const Tensor&, const Tensor&, double>("pioneer::bias_lrelu_pool_backward", gradients[0],
                                                                     signs, number(context, "slope"));
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
    auto before =
        context->saved_data["enlarged"].toBool() ? at::avg_pool2d(dy, 2).mul_(4 * (1 - alpha)) : dy * (1 - alpha);
    return {before, dy * alpha, Tensor()};
  }
};

/// Their way back reads the sign of what went in off what came out.
void checkSlope(double slope, const char* name) {
  TORCH_CHECK(slope > 0, name, ": expected a slope above 0, got ", slope);
}

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

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY_FRAGMENT(pioneer, library) {
  // For the networks: differentiable once, on any device that has the passes below.
  library.def("pixel_norm_lrelu(Tensor x, Tensor bias, float slope, float eps) -> Tensor", pioneer::pixelNormLrelu);
  library.def("upsampled_pixel_norm_lrelu(Tensor x, Tensor bias, float slope, float eps) -> Tensor",
              pioneer::upsampledPixelNormLrelu);
  library.def("bias_lrelu(Tensor x, Tensor bias, float slope) -> Tensor", pioneer::biasLrelu);
  library.def("bias_lrelu_pool(Tensor x, Tensor bias, float slope) -> Tensor", pioneer::biasLreluPool);
  library.def("fade(Tensor before, Tensor now, float alpha) -> Tensor", pioneer::fade);

  // The passes: one implementation for each device.
  library.def(
      "pixel_norm_lrelu_forward(Tensor x, Tensor bias, float slope, float eps, bool upsampled) -> (Tensor y, Tensor "
      "scale)");
  library.def(
      "pixel_norm_lrelu_backward(Tensor dy, Tensor y, Tensor scale, float slope, bool upsampled) -> (Tensor dx, Tensor "
      "db)");
  library.def("bias_lrelu_forward(Tensor x, Tensor bias, float slope) -> Tensor");
  library.def("bias_lrelu_backward(Tensor dy, Tensor y, float slope) -> (Tensor dx, Tensor db)");
  // signs: uint8, like y; bit 2 row + column is set where that one of the four was positive.
  library.def("bias_lrelu_pool_forward(Tensor x, Tensor bias, float slope) -> (Tensor y, Tensor signs)");
  library.def("bias_lrelu_pool_backward(Tensor dy, Tensor signs, float slope) -> (Tensor dx, Tensor db)");
  library.def("fade_forward(Tensor before, Tensor now, float alpha) -> Tensor");
}
