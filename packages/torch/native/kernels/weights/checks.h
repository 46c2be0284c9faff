// What the passes over weights ask of their tensors, on any device.
#pragma once

#include "kernels/checks.h"

namespace pioneer {

inline void checkSpectralNormKept(const Tensor& w, const Tensor& u, const Tensor& v, const Tensor& next,
                                  const Tensor& q, const Tensor& sigma) {
  int64_t rows = w.size(0), length = rows == 0 ? 0 : w.numel() / rows;
  for (auto& one : {u, next}) checkKeptNumbers(one, rows, w, "spectral_norm");
  for (auto& one : {v, q}) checkKeptNumbers(one, length, w, "spectral_norm");
  checkKeptNumbers(sigma, 1, w, "spectral_norm");
}

}  // namespace pioneer
