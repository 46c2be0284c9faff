// What passes ask of their tensors, on any device.
#pragma once

#include <ATen/ATen.h>

#include <tuple>

namespace pioneer {

using at::Tensor;
using Pair = std::tuple<Tensor, Tensor>;

inline bool isActivation(at::ScalarType type) { return type == at::kFloat || type == at::kBFloat16; }

inline at::MemoryFormat format(const Tensor& x) {
  return x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

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
  TORCH_CHECK(a.device() == b.device(), name, ": expected all tensors on one device, got ", a.device(), " and ",
              b.device());
}

inline void checkSame(const Tensor& a, const Tensor& b, const char* name) {
  TORCH_CHECK(a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type(), name,
              ": expected two of one shape and dtype, got ", a.scalar_type(), a.sizes(), " and ", b.scalar_type(),
              b.sizes());
  checkPlace(a, b, name);
}

/// What a pass keeps for its way back, as it left it: dense rows of channels. Anybody may call the way back.
inline void checkKept(const Tensor& kept, at::ScalarType type, const char* name) {
  TORCH_CHECK((kept.dim() == 2 || kept.dim() == 4) && kept.scalar_type() == type && kept.is_contiguous(format(kept)),
              name, ": expected what the way there kept, ", type,
              " [batch, C] or [batch, C, h, w] with channels last, got ", kept.scalar_type(), kept.sizes(), " by ",
              kept.strides());
}

/// The same of numbers, float32 one after the other.
inline void checkKeptNumbers(const Tensor& kept, int64_t count, const Tensor& like, const char* name) {
  TORCH_CHECK(kept.scalar_type() == at::kFloat && kept.numel() == count && kept.is_contiguous(), name,
              ": expected what the way there kept, ", count, " float32, got ", kept.scalar_type(), kept.sizes());
  checkPlace(like, kept, name);
}

inline int64_t pixelsOf(const Tensor& x) { return x.size(1) == 0 ? 0 : x.numel() / x.size(1); }

}  // namespace pioneer
