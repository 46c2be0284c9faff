// Reverse-mode differentiation and the switch that records graphs.
#include "door/addon.h"

#include <torch/csrc/autograd/autograd.h>

namespace pioneer {

static bool flag(napi_env env, napi_value value, const char* what) {
  return !isNullish(env, value) && toBool(env, value, what);
}

static std::vector<at::Tensor> tensorsOrNone(napi_env env, napi_value value, const char* what) {
  return isNullish(env, value) ? std::vector<at::Tensor>() : toTensors(env, value, what);
}

/// grad(outputs, inputs, gradOutputs | null, retainGraph, createGraph, allowUnused): gradients of the inputs; null for
/// one that the outputs do not depend on (an error without allowUnused).
static napi_value grad(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 6);
    bool createGraph = flag(env, args[4], "createGraph");
    auto outputs = toTensors(env, args[0], "outputs");
    auto inputs = toTensors(env, args[1], "inputs");
    if (outputs.empty() || inputs.empty()) throw std::invalid_argument("grad needs at least one output and one input");
    auto gradients = torch::autograd::grad(outputs, inputs, tensorsOrNone(env, args[2], "gradOutputs"),
                                           createGraph || flag(env, args[3], "retainGraph"), createGraph,
                                           flag(env, args[5], "allowUnused"));
    return fromTensors(env, gradients);
  });
}

/// backward(outputs, gradOutputs | null, retainGraph, createGraph): adds into the `.grad` of every leaf.
static napi_value backward(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 4);
    bool createGraph = flag(env, args[3], "createGraph");
    torch::autograd::backward(toTensors(env, args[0], "outputs"), tensorsOrNone(env, args[1], "gradOutputs"),
                              createGraph || flag(env, args[2], "retainGraph"), createGraph);
    return undefined(env);
  });
}

/// gradient(id): what backward() collected for this leaf, or null.
static napi_value gradient(napi_env env, napi_callback_info info) {
  return guard(env, [&] { return fromTensor(env, toTensor(env, arguments(env, info, 1)[0], "tensor").grad()); });
}

static napi_value requiresGrad(napi_env env, napi_callback_info info) {
  return guard(env, [&] { return fromBool(env, toTensor(env, arguments(env, info, 1)[0], "tensor").requires_grad()); });
}

/// setGradMode(enabled): the mode before.
static napi_value setGradMode(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    bool enabled = toBool(env, arguments(env, info, 1)[0], "enabled");
    bool before = at::GradMode::is_enabled();
    at::GradMode::set_enabled(enabled);
    return fromBool(env, before);
  });
}

const std::vector<Export> autogradExports = {
    {"grad", grad},
    {"backward", backward},
    {"gradient", gradient},
    {"requiresGrad", requiresGrad},
    {"setGradMode", setGradMode},
};

}  // namespace pioneer
