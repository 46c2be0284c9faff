// What the derivatives of fused operators share. None has a second derivative: where one is wanted, compose.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/checks.h"

namespace pioneer {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Calls an operator of this library, below autograd.
template <typename Result, typename... Arguments>
Result call(const char* name, Arguments... arguments) {
  at::AutoDispatchBelowAutograd below;
  auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, "");
  return handle.typed<Result(Arguments...)>().call(arguments...);
}

inline void refuseSecondDerivative(const char* name) {
  TORCH_CHECK(!at::GradMode::is_enabled(), name,
              " has no second derivative: compose it of ATen operators where createGraph is set");
}

inline float number(AutogradContext* context, const char* name) {
  return static_cast<float>(context->saved_data[name].toDouble());
}

}  // namespace pioneer
