// 3x3 convolutions in other forms than libtorch's: schemas and derivatives.
//   winograd_convolution(x, w, upsampled)                     Winograd's form in all passes; also of x enlarged twofold
//   mixed_convolution(x, w, forward, to_data, to_weights)     each pass in a form of its own
// The forms are "direct", libtorch's; "winograd" (winograd/convolution.cc); and to weights "taps"
// (taps/convolution.cc). Winograd's passes are operators of their own, so that recordings show them.
#include <torch/library.h>

#include "kernels/autograd.h"
#include "kernels/taps/convolution.h"
#include "kernels/winograd/convolution.h"

namespace pioneer {
namespace {

/// What both operators ask of x and w.
void checkConvolution(const Tensor& x, const Tensor& w, bool winograd, bool upsampled, const char* name) {
  checkPlace(x, w, name);
  TORCH_CHECK(!winograd || x.is_cpu(), name, ": expected tensors on the CPU, got ", x.device());
  bool even = !winograd || upsampled || (x.size(2) % 2 == 0 && x.size(3) % 2 == 0);
  TORCH_CHECK(x.scalar_type() == w.scalar_type() && w.size(1) == x.size(1) && w.size(2) == 3 && w.size(3) == 3 && even,
              name, ": expected an image", winograd && !upsampled ? " of even height and width" : "",
              " and a kernel [out, in, 3, 3] of one dtype, got ", x.scalar_type(), x.sizes(), " and ", w.scalar_type(),
              w.sizes());
}

void refuseCreateGraph(const char* name) {
  TORCH_CHECK(!at::GradMode::is_enabled(), name, " has no second derivative: use conv2d where createGraph is set");
}

/// An operator of this library, looked up once.
template <typename Signature>
auto operatorOf(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

Tensor winograd(const Tensor& x, const Tensor& w, bool upsampled) {
  static auto pass = operatorOf<Tensor(const Tensor&, const Tensor&, bool)>("pioneer::winograd");
  return pass.call(x, w, upsampled);
}

Tensor winogradToData(const Tensor& dy, const Tensor& w, bool upsampled) {
  static auto pass = operatorOf<Tensor(const Tensor&, const Tensor&, bool)>("pioneer::winograd_to_data");
  return pass.call(dy, w, upsampled);
}

Tensor winogradToWeights(const Tensor& x, const Tensor& dy, const Tensor& w, bool upsampled) {
  static auto pass =
      operatorOf<Tensor(const Tensor&, const Tensor&, const Tensor&, bool)>("pioneer::winograd_to_weights");
  return pass.call(x, dy, w, upsampled);
}

struct Winograd : torch::autograd::Function<Winograd> {
  static constexpr auto name = "winograd_convolution";

  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight, bool upsampled) {
    at::AutoDispatchBelowAutograd below;
    auto x = asImage(input, name), w = asImage(weight, name);
    checkConvolution(x, w, true, upsampled, name);
    context->save_for_backward({x, w});
    context->saved_data["upsampled"] = upsampled;
    return winograd(x, w, upsampled);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseCreateGraph(name);
    auto saved = context->get_saved_variables();
    auto &x = saved[0], &w = saved[1];
    auto dy = asImage(gradients[0], name);
    bool upsampled = context->saved_data["upsampled"].toBool();
    return {context->needs_input_grad(0) ? winogradToData(dy, w, upsampled) : Tensor(),
            context->needs_input_grad(1) ? winogradToWeights(x, dy, w, upsampled) : Tensor(), Tensor()};
  }
};

/// The form of a pass by its name. @param taps whether it may be that one
bool isWinograd(const std::string& form, bool taps) {
  TORCH_CHECK(form == "direct" || form == "winograd" || (taps && form == "taps"),
              "mixed_convolution: expected a form, direct or winograd", taps ? " or taps" : "", ", got ", form);
  return form == "winograd";
}

struct Mixed : torch::autograd::Function<Mixed> {
  static constexpr auto name = "mixed_convolution";

  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight, const std::string& there,
                        const std::string& toData, const std::string& toWeights) {
    at::AutoDispatchBelowAutograd below;
    auto x = asImage(input, name), w = asImage(weight, name);
    bool isWinogradThere = isWinograd(there, false), isWinogradToData = isWinograd(toData, false),
         isWinogradToWeights = isWinograd(toWeights, true);
    checkConvolution(x, w, isWinogradThere || isWinogradToData || isWinogradToWeights, false, name);
    context->save_for_backward({x, w});
    context->saved_data["toData"] = toData;
    context->saved_data["toWeights"] = toWeights;
    return isWinogradThere ? winograd(x, w, false) : at::conv2d(x, w, {}, 1, 1);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    refuseCreateGraph(name);
    auto saved = context->get_saved_variables();
    auto &x = saved[0], &w = saved[1];
    auto dy = asImage(gradients[0], name);
    auto toData = context->saved_data["toData"].toStringRef(),
         toWeights = context->saved_data["toWeights"].toStringRef();
    bool needsData = context->needs_input_grad(0), needsWeights = context->needs_input_grad(1);
    bool directData = needsData && toData == "direct", directWeights = needsWeights && toWeights == "direct";
    Tensor dx, dw;
    if (directData || directWeights) {
      auto direct = at::convolution_backward(dy, x, w, c10::nullopt, {1, 1}, {1, 1}, {1, 1}, false, {0, 0}, 1,
                                             {directData, directWeights, false});
      dx = std::get<0>(direct), dw = std::get<1>(direct);
    }
    if (needsData && toData == "winograd") dx = winogradToData(dy, w, false);
    if (needsWeights && toWeights == "winograd") dw = winogradToWeights(x, dy, w, false);
    if (needsWeights && toWeights == "taps") dw = tapsToWeights(x, dy);
    return {dx, dw, Tensor(), Tensor(), Tensor()};
  }
};

Tensor winogradConvolution(const Tensor& x, const Tensor& w, bool upsampled) {
  return Winograd::apply(x, w, upsampled);
}
Tensor mixedConvolution(const Tensor& x, const Tensor& w, std::string there, std::string toData,
                        std::string toWeights) {
  return Mixed::apply(x, w, there, toData, toWeights);
}

}  // namespace
}  // namespace pioneer

TORCH_LIBRARY_FRAGMENT(pioneer, library) {
  // x [batch, in, h, w], w [out, in, 3, 3], both channels last, float32 or bfloat16; in Winograd's form h and w are
  // even unless x is upsampled, enlarged twofold, nearest: then [batch, out, 2h, 2w].
  library.def("winograd_convolution(Tensor x, Tensor w, bool upsampled) -> Tensor", pioneer::winogradConvolution);
  library.def("winograd(Tensor x, Tensor w, bool upsampled) -> Tensor");
  library.def("winograd_to_data(Tensor dy, Tensor w, bool upsampled) -> Tensor");
  library.def("winograd_to_weights(Tensor x, Tensor dy, Tensor w, bool upsampled) -> Tensor");
  library.def("mixed_convolution(Tensor x, Tensor w, str forward, str to_data, str to_weights) -> Tensor",
              pioneer::mixedConvolution);
}

TORCH_LIBRARY_IMPL(pioneer, CPU, library) {
  library.impl("winograd", pioneer::cpu::winograd);
  library.impl("winograd_to_data", pioneer::cpu::winogradToData);
  library.impl("winograd_to_weights", pioneer::cpu::winogradToWeights);
}
