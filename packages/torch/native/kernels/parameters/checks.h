// What the updates of parameters ask of their tensors, on any device.
#pragma once

#include <vector>

#include "kernels/checks.h"

namespace pioneer {

inline void checkFloat(const Tensor& a, const char* name, size_t index) {
  TORCH_CHECK(a.scalar_type() == at::kFloat, name, ": tensor ", index, " must be float32, got ", a.scalar_type());
}

/// Elements are paired by their place in memory, so both must be laid out alike.
inline void checkAlike(const Tensor& a, const Tensor& b, const char* name, size_t index) {
  TORCH_CHECK(a.sizes() == b.sizes() && a.strides() == b.strides() && a.is_non_overlapping_and_dense(), name,
              ": tensor ", index, " and what belongs to it must be laid out alike, got ", a.sizes(), " by ",
              a.strides(), " and ", b.sizes(), " by ", b.strides());
  checkPlace(a, b, name);
}

/// A tensor with the strides of `like`, copied only if it has others.
inline Tensor laidOutLike(const Tensor& x, const Tensor& like) {
  return x.strides() == like.strides() ? x : at::empty_like(like).copy_(x);
}

/// Autograd must know that what it saved of these has changed.
inline void noteWritten(at::TensorList tensors) {
  for (auto& tensor : tensors) {
    if (tensor.numel() > 0) tensor.unsafeGetTensorImpl()->bump_version();
  }
}

/// Refuses lists that do not belong together. Returns the gradients, laid out like their parameters.
inline std::vector<Tensor> checkAdam(at::TensorList parameters, at::TensorList gradients, at::TensorList first,
                                     at::TensorList second, at::TensorList copies, size_t scales, const Tensor& rates,
                                     double beta1) {
  size_t count = parameters.size();
  TORCH_CHECK(gradients.size() == count && second.size() == count && copies.size() == count && scales == count &&
                  first.size() == (beta1 > 0 ? count : 0),
              "adam_: lists of one length expected");
  TORCH_CHECK(rates.scalar_type() == at::kFloat && rates.is_contiguous() && rates.dim() == 2 &&
                  rates.size(0) == static_cast<int64_t>(count) && rates.size(1) == 2,
              "adam_: expected rates float32[", count, ", 2], got ", rates.scalar_type(), rates.sizes());
  std::vector<Tensor> aligned;
  for (size_t i = 0; i < count; i++) {
    checkFloat(parameters[i], "adam_", i);
    checkFloat(gradients[i], "adam_", i);
    checkFloat(second[i], "adam_", i);
    TORCH_CHECK(gradients[i].sizes() == parameters[i].sizes(), "adam_: parameter ", i, " is ", parameters[i].sizes(),
                ", its gradient ", gradients[i].sizes());
    checkPlace(parameters[0], parameters[i], "adam_");
    checkPlace(parameters[i], gradients[i], "adam_");
    checkPlace(parameters[i], rates, "adam_");
    checkAlike(parameters[i], second[i], "adam_", i);
    if (beta1 > 0) {
      checkFloat(first[i], "adam_", i);
      checkAlike(parameters[i], first[i], "adam_", i);
    }
    if (copies[i].numel() > 0) {
      checkAlike(parameters[i], copies[i], "adam_", i);
      TORCH_CHECK(isActivation(copies[i].scalar_type()), "adam_: copies are float32 or bfloat16");
    }
    aligned.push_back(laidOutLike(gradients[i], parameters[i]));
  }
  return aligned;
}

/// The same for a moving average.
inline std::vector<Tensor> checkEma(at::TensorList averages, at::TensorList values) {
  TORCH_CHECK(averages.size() == values.size(), "ema_: lists of one length expected");
  std::vector<Tensor> aligned;
  for (size_t i = 0; i < averages.size(); i++) {
    checkPlace(averages[0], averages[i], "ema_");
    checkPlace(averages[i], values[i], "ema_");
    checkFloat(averages[i], "ema_", i);
    checkFloat(values[i], "ema_", i);
    TORCH_CHECK(averages[i].sizes() == values[i].sizes() && averages[i].is_non_overlapping_and_dense(),
                "ema_: average ", i, " is ", averages[i].sizes(), ", its value ", values[i].sizes());
    aligned.push_back(laidOutLike(values[i], averages[i]));
  }
  return aligned;
}

}  // namespace pioneer
