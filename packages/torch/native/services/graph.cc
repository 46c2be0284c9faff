// CUDA graphs: the kernels of a step, recorded once and launched again as one. Needs libtorch 2 built with CUDA.
#include "door/addon.h"

#ifdef PIONEER_CUDA_GRAPHS
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace pioneer {

#ifdef PIONEER_CUDA_GRAPHS

struct Graph {
  at::cuda::CUDAGraph recorded;
};

/// enterGraphStream(): everything that this thread launches from now on runs on a stream that can be recorded; the
/// default one cannot.
static napi_value enterGraphStream(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    at::cuda::getCurrentCUDAStream().synchronize();
    at::cuda::setCurrentCUDAStream(at::cuda::getStreamFromPool());
    return undefined(env);
  });
}

/// prepareGraph(): gives back the memory that ordinary steps keep for the next: a recording has memory of its own, and
/// while it is made nothing is given back.
static napi_value prepareGraph(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    at::cuda::getCurrentCUDAStream().synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
    return undefined(env);
  });
}

/// beginGraph(): what is launched until endGraph is recorded and not executed. Only this thread's calls are watched:
/// the thread that makes batches may pin memory meanwhile.
static napi_value beginGraph(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    auto graph = std::make_shared<Graph>();
    graph->recorded.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    return fromNumber(env, state(env).graphs.add(GraphHandle{std::move(graph)}));
  });
}

static Graph& toGraph(napi_env env, napi_callback_info info) {
  auto* found = state(env).graphs.find(toHandle(env, arguments(env, info, 1)[0], "graph"));
  if (!found) throw std::invalid_argument("graph must be a live CudaGraph");
  return *found->graph;
}

static napi_value endGraph(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    toGraph(env, info).recorded.capture_end();
    return undefined(env);
  });
}

static napi_value replayGraph(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    toGraph(env, info).recorded.replay();
    return undefined(env);
  });
}

#else

struct Graph {};

static napi_value refuse(napi_env env, napi_callback_info) {
  return guard(env, [&]() -> napi_value {
    throw std::runtime_error(
        "CUDA graphs: this build has none (they need libtorch 2 or newer, its CUDA build and nvcc)");
  });
}
constexpr auto enterGraphStream = refuse, prepareGraph = refuse, beginGraph = refuse, endGraph = refuse,
               replayGraph = refuse;

#endif

static napi_value freeGraph(napi_env env, napi_callback_info info) {
  return guard(
      env, [&] { return fromBool(env, state(env).graphs.remove(toHandle(env, arguments(env, info, 1)[0], "graph"))); });
}

const std::vector<Export> graphExports = {
    {"enterGraphStream", enterGraphStream},
    {"prepareGraph", prepareGraph},
    {"beginGraph", beginGraph},
    {"endGraph", endGraph},
    {"replayGraph", replayGraph},
    {"freeGraph", freeGraph},
};

}  // namespace pioneer
