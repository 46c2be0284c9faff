// What convolutions make of their weights, and the convolution of folded ones: schemas and derivatives, on any device;
// the passes are in cpu.cc and cuda.cu. Weights are float32, [out, in, k, k] channels last.
//   scaled_forward(w, scale, dtype)            w scale, in the dtype of convolutions
//   upsampled_kernel_forward(w, scale, dtype)  3x3 after nearest upsampling is four 2x2 before it, 4/9 of the work:
//                                              [4 out, in, 2, 2], rows (2a + b) out make the pixels (2i + a, 2j + b)
//   prepared(w, copy, scale)                   `copy`, which one of these two made or adam_ wrote, as a function of w
//   upsampled_convolution(x, kernel)           2x2 convolution of x padded by 1, with its own way back
//   spectral_norm(w, u, dtype)                 (w / sigma, u'): one power iteration; gradients through v, u' and sigma
#include <torch/library.h>

#include "kernels/autograd.h"

namespace pioneer {
namespace {

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
                  ? call<Tensor, const Tensor&, double, at::ScalarType>("pioneer::scaled_forward", gradients[0], scale,
                                                                        at::kFloat)
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
    // oneDNN's gradient of a 2x2 kernel runs at a third of its rate with few pixels and many channels: one matrix
    // product of the gradient with the pixels of all taps runs at the full one.
    bool asProduct = x.is_cpu();
    auto convolution =
        at::convolution_backward(dy, x, kernel, c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
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
    auto dw = call<Tensor, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                   const Tensor&>("pioneer::spectral_norm_backward", gradients[0], weight, u, v, next, q, sigma);
    return {dw, Tensor(), Tensor()};
  }
};

Tensor prepared(const Tensor& w, const Tensor& copy, double scale) { return Prepared::apply(w, copy, scale); }
Tensor upsampledConvolution(const Tensor& x, const Tensor& kernel) { return UpsampledConvolution::apply(x, kernel); }
Pair spectralNorm(const Tensor& w, const Tensor& u, at::ScalarType dtype) {
  auto results = SpectralNorm::apply(w, u, static_cast<int64_t>(dtype));
  return {results[0], results[1]};
}

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY_FRAGMENT(pioneer, library) {
  library.def("upsampled_convolution(Tensor x, Tensor kernel) -> Tensor", pioneer::upsampledConvolution);
  library.def("prepared(Tensor w, Tensor copy, float scale) -> Tensor", pioneer::prepared);
  library.def("spectral_norm(Tensor w, Tensor u, ScalarType dtype) -> (Tensor, Tensor)", pioneer::spectralNorm);

  // The passes: one implementation for each device.
  library.def("scaled_forward(Tensor w, float scale, ScalarType dtype) -> Tensor");
  library.def("upsampled_kernel_forward(Tensor w, float scale, ScalarType dtype) -> Tensor");
  library.def("upsampled_kernel_backward(Tensor dy, float scale) -> Tensor");
  // w / sigma, sigma a scalar tensor, in that dtype.
  library.def("divided(Tensor w, Tensor sigma, ScalarType dtype) -> Tensor");
  // dy / sigma - <dy, w> / sigma^2 (next v' + u q'); vectors in the order of w's memory.
  library.def(
      "spectral_norm_backward(Tensor dy, Tensor w, Tensor u, Tensor v, Tensor next, Tensor q, Tensor sigma) -> Tensor");
}
