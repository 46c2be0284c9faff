// What the passes of fused.cc ask of their tensors, on any device.
#pragma once

#include <ATen/ATen.h>

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

}  // namespace pioneer
