// What the passes on CUDA share on the host: launches, and how work is shared out. Nothing waits for the device, and no
// result depends on scheduling (sums over pixels are taken piece by piece, then added).
#pragma once

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <algorithm>
#include <type_traits>

#include "kernels/checks.h"
#include "kernels/device.cuh"

#ifndef PIONEER_SERIAL_CUDA  // whose serial.h has a launch of its own
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

namespace pioneer::cuda {

template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0) return;
  kernel<<<grid, block, shared, c10::cuda::getCurrentCUDAStream()>>>(static_cast<Parameters>(arguments)...);
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace pioneer::cuda
#endif

namespace pioneer::cuda {

template <typename T>
T* data(const Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Runs body with a null pointer that tells the element type.
template <typename Body>
void byType(at::ScalarType type, Body body) {
  if (type == at::kFloat) body(static_cast<float*>(nullptr));
  else body(static_cast<at::BFloat16*>(nullptr));
}
#define ELEMENT std::remove_pointer_t<decltype(type)>

inline unsigned blocksFor(int64_t count, int64_t size) {
  return static_cast<unsigned>(std::min(pieceCount(count, size), kBlocks));
}

inline Tensor sums(int64_t pieces, int64_t channels, const Tensor& like) {
  return at::empty({pieces, channels}, like.options().dtype(at::kFloat).memory_format(c10::nullopt));
}

}  // namespace pioneer::cuda
