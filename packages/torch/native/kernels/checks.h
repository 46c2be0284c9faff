// What the passes of fused.cc ask of their tensors, on any device.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace pioneer {

using at::Tensor;

inline bool isActivation(at::ScalarType type) { return type == at::kFloat || type == at::kBFloat16; }

inline at::MemoryFormat format(const Tensor& x) { return x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous; }

/// A tensor as rows of channels.
inline Tensor asRows(const Tensor& x, const char* name) {
  TORCH_CHECK(x.dim() == 2 || x.dim() == 4, name, ": expected [batch, C] or [batch, C, h, w], got ", x.sizes());
  TORCH_CHECK(isActivation(x.scalar_type()), name, ": expected float32 or bfloat16, got ", x.scalar_type());
  return x.contiguous(format(x));
}

/// An image as rows of channels.
inline Tensor asImage(const Tensor& x, const char* name) {
  TORCH_CHECK(x.dim() == 4, name, ": expected [batch, C, h, w], got ", x.sizes());
  return asRows(x, name);
}

/// Pointers of another device would be read without complaint.
inline void checkPlace(const Tensor& a, const Tensor& b, const char* name) {
  TORCH_CHECK(a.device() == b.device(), name, ": expected all tensors on one device, got ", a.device(), " and ", b.device());
}

inline Tensor checkedBias(const Tensor& bias, const Tensor& x, int64_t channels, const char* name) {
  TORCH_CHECK(bias.scalar_type() == at::kFloat && bias.dim() == 1 && bias.size(0) == channels, name, ": expected a bias float32[",
              channels, "], got ", bias.scalar_type(), bias.sizes());
  checkPlace(x, bias, name);
  return bias.contiguous();
}

inline void checkSame(const Tensor& a, const Tensor& b, const char* name) {
  TORCH_CHECK(a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type(), name, ": expected two of one shape and dtype, got ",
              a.scalar_type(), a.sizes(), " and ", b.scalar_type(), b.sizes());
  checkPlace(a, b, name);
}

/// What is faded from, as large as what is faded to: nearest pixels of half the size.
inline Tensor enlarged(const Tensor& before, const Tensor& now) {
  if (before.dim() != 4 || now.dim() != 4 || before.sizes().slice(2) == now.sizes().slice(2)) return asRows(before, "fade");
  TORCH_CHECK(now.size(2) == 2 * before.size(2) && now.size(3) == 2 * before.size(3),
              "fade: expected a first image of the second's size or half of it, got ", before.sizes(), " and ", now.sizes());
  return asRows(at::upsample_nearest2d(before, now.sizes().slice(2), {}, {}), "fade");
}

/// What a pass keeps for its way back, as it left it: rows of channels, dense. Anybody may call the way back by its name.
inline void checkKept(const Tensor& kept, at::ScalarType type, const char* name) {
  TORCH_CHECK((kept.dim() == 2 || kept.dim() == 4) && kept.scalar_type() == type && kept.is_contiguous(format(kept)), name,
              ": expected what the way there kept, ", type, " [batch, C] or [batch, C, h, w] with channels last, got ", kept.scalar_type(),
              kept.sizes(), " by ", kept.strides());
}

/// The same of numbers, float32 one after the other.
inline void checkKeptNumbers(const Tensor& kept, int64_t count, const Tensor& like, const char* name) {
  TORCH_CHECK(kept.scalar_type() == at::kFloat && kept.numel() == count && kept.is_contiguous(), name, ": expected what the way there kept, ",
              count, " float32, got ", kept.scalar_type(), kept.sizes());
  checkPlace(like, kept, name);
}

inline int64_t pixelsOf(const Tensor& x) { return x.size(1) == 0 ? 0 : x.numel() / x.size(1); }

inline void checkFloat(const Tensor& a, const char* name, size_t index) {
  TORCH_CHECK(a.scalar_type() == at::kFloat, name, ": tensor ", index, " must be float32, got ", a.scalar_type());
}

/// Elements are paired by their place in memory, so both must be laid out alike.
inline void checkAlike(const Tensor& a, const Tensor& b, const char* name, size_t index) {
  TORCH_CHECK(a.sizes() == b.sizes() && a.strides() == b.strides() && a.is_non_overlapping_and_dense(), name, ": tensor ", index,
              " and what belongs to it must be laid out alike, got ", a.sizes(), " by ", a.strides(), " and ", b.sizes(), " by ", b.strides());
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

inline void checkPixelNormKept(const Tensor& y, const Tensor& scale, bool upsampled) {
  constexpr auto name = "pixel_norm_lrelu";
  checkKept(y, y.scalar_type(), name);
  checkKeptNumbers(scale, pixelsOf(y), y, name);
  TORCH_CHECK(!upsampled || (y.dim() == 4 && y.size(1) > 0 && y.size(2) % 2 == 0 && y.size(3) % 2 == 0), name,
              ": expected an enlarged image, [batch, C, 2h, 2w], got ", y.sizes());
}

inline void checkSpectralNormKept(const Tensor& w, const Tensor& u, const Tensor& v, const Tensor& next, const Tensor& q,
                                  const Tensor& sigma) {
  int64_t rows = w.size(0), length = rows == 0 ? 0 : w.numel() / rows;
  for (auto& one : {u, next}) checkKeptNumbers(one, rows, w, "spectral_norm");
  for (auto& one : {v, q}) checkKeptNumbers(one, length, w, "spectral_norm");
  checkKeptNumbers(sigma, 1, w, "spectral_norm");
}

/// Refuses lists that do not belong together. Returns the gradients, laid out like their parameters.
inline std::vector<Tensor> checkAdam(at::TensorList parameters, at::TensorList gradients, at::TensorList first, at::TensorList second,
                                     at::TensorList copies, size_t scales, const Tensor& rates, double beta1) {
  size_t count = parameters.size();
  TORCH_CHECK(gradients.size() == count && second.size() == count && copies.size() == count && scales == count &&
                  first.size() == (beta1 > 0 ? count : 0),
              "adam_: lists of one length expected");
  TORCH_CHECK(rates.scalar_type() == at::kFloat && rates.is_contiguous() && rates.dim() == 2 && rates.size(0) == static_cast<int64_t>(count) &&
                  rates.size(1) == 2,
              "adam_: expected rates float32[", count, ", 2], got ", rates.scalar_type(), rates.sizes());
  std::vector<Tensor> aligned;
  for (size_t i = 0; i < count; i++) {
    checkFloat(parameters[i], "adam_", i);
    checkFloat(gradients[i], "adam_", i);
    checkFloat(second[i], "adam_", i);
    TORCH_CHECK(gradients[i].sizes() == parameters[i].sizes(), "adam_: parameter ", i, " is ", parameters[i].sizes(), ", its gradient ",
                gradients[i].sizes());
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
    TORCH_CHECK(averages[i].sizes() == values[i].sizes() && averages[i].is_non_overlapping_and_dense(), "ema_: average ", i, " is ",
                averages[i].sizes(), ", its value ", values[i].sizes());
    aligned.push_back(laidOutLike(values[i], averages[i]));
  }
  return aligned;
}

}  // namespace pioneer
