// What the machine and this libtorch can do, and how they are used.
#include "door/addon.h"

#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/version.h>

#ifdef PIONEER_CUDA_GRAPHS
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>
#endif

namespace pioneer {

#ifdef PIONEER_FUSED_CUDA
constexpr bool kFusedCuda = true;
#else
constexpr bool kFusedCuda = false;
#endif
#ifdef PIONEER_CUDA_GRAPHS
constexpr bool kCudaGraphs = true;
#else
constexpr bool kCudaGraphs = false;
#endif

/// build(): {torch: version the addon was compiled against, cudaDevices: visible now, cudaBf16: whether the present one
/// has units for bfloat16 (compute capability 8.0), fusedCuda: whether the CUDA kernels are in, cudaGraphs: whether
/// graph.cc can record}.
static napi_value build(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    napi_value result;
    check(env, napi_create_object(env, &result));
    check(env, napi_set_named_property(env, result, "torch", fromString(env, TORCH_VERSION)));
    double devices = at::hasCUDA() ? static_cast<double>(at::getNumGPUs()) : 0;
    check(env, napi_set_named_property(env, result, "cudaDevices", fromNumber(env, devices)));
    bool bf16 = devices > 0 && at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
    check(env, napi_set_named_property(env, result, "cudaBf16", fromBool(env, bf16)));
    check(env, napi_set_named_property(env, result, "fusedCuda", fromBool(env, kFusedCuda)));
    check(env, napi_set_named_property(env, result, "cudaGraphs", fromBool(env, kCudaGraphs)));
    return result;
  });
}

/// cudaMemory(): [bytes of tensors at most since resetCudaPeak(), bytes that tensors could have]; null without a
/// device, or where this is not known (libtorch 1, or no nvcc when this was built).
static napi_value cudaMemory(napi_env env, napi_callback_info) {
  return guard(env, [&]() -> napi_value {
    napi_value result;
    check(env, napi_get_null(env, &result));
#ifdef PIONEER_CUDA_GRAPHS
    if (!at::hasCUDA() || at::getNumGPUs() == 0) return result;
    namespace allocator = c10::cuda::CUDACachingAllocator;
    auto stats = allocator::getDeviceStats(c10::cuda::current_device());
    size_t free = 0, total = 0;
    if (auto error = cudaMemGetInfo(&free, &total))
      throw std::runtime_error(std::string("cudaMemGetInfo: ") + cudaGetErrorString(error));
    double peak = static_cast<double>(stats.allocated_bytes[0].peak);
    double possible = static_cast<double>(free) + static_cast<double>(stats.reserved_bytes[0].current);
    check(env, napi_create_array_with_length(env, 2, &result));
    check(env, napi_set_element(env, result, 0, fromNumber(env, peak)));
    check(env, napi_set_element(env, result, 1, fromNumber(env, possible)));
#endif
    return result;
  });
}

static napi_value resetCudaPeak(napi_env env, napi_callback_info) {
  return guard(env, [&] {
#ifdef PIONEER_CUDA_GRAPHS
    if (at::hasCUDA() && at::getNumGPUs() > 0)
      c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device());
#endif
    return undefined(env);
  });
}

static napi_value threads(napi_env env, napi_callback_info) {
  return guard(env, [&] { return fromNumber(env, at::get_num_threads()); });
}

static napi_value setThreads(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    at::set_num_threads(static_cast<int>(toInt(env, arguments(env, info, 1)[0], "threads", 1, 1024)));
    return undefined(env);
  });
}

/// setDeterministic(enabled): refuse operators whose result depends on scheduling (CUDA).
static napi_value setDeterministic(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    at::globalContext().setDeterministicAlgorithms(toBool(env, arguments(env, info, 1)[0], "enabled"), false);
    return undefined(env);
  });
}

const std::vector<Export> deviceExports = {
    {"build", build},     {"cudaMemory", cudaMemory}, {"resetCudaPeak", resetCudaPeak},
    {"threads", threads}, {"setThreads", setThreads}, {"setDeterministic", setDeterministic},
};

}  // namespace pioneer
