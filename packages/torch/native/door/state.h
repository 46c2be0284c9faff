// What one JavaScript environment owns.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "door/handles.h"

namespace pioneer {

/// JavaScript buffers lent to tensors (from_blob). libtorch may drop the last use on any thread; the reference is
/// given back on JavaScript's.
struct LentBuffers {
  std::mutex mutex;
  std::vector<napi_ref> returned;
};

struct Operator {
  c10::OperatorHandle handle;
  std::string name;
};

class BatchLoader;
struct Graph;
class Ranks;

/// A loader and its thread (services/batches.cc); both end with the last reference.
struct LoaderHandle {
  std::shared_ptr<BatchLoader> loader;
  bool defined() const { return loader != nullptr; }
};

/// A recorded CUDA graph (services/graph.cc).
struct GraphHandle {
  std::shared_ptr<Graph> graph;
  bool defined() const { return graph != nullptr; }
};

/// This process among others that train the same model (services/ranks.cc).
struct RanksHandle {
  std::shared_ptr<Ranks> ranks;
  bool defined() const { return ranks != nullptr; }
};

/// Everything one JavaScript environment (main thread or worker) owns.
struct State {
  HandleTable<at::Tensor, 0x7d5> tensors;
  HandleTable<at::Generator, 0x7d7> generators;
  HandleTable<LoaderHandle, 0x7d9> loaders;
  HandleTable<GraphHandle, 0x7db> graphs;
  HandleTable<RanksHandle, 0x7dd> ranks;
  std::vector<Operator> operators;
  std::shared_ptr<LentBuffers> lent = std::make_shared<LentBuffers>();
  napi_ref makeError = nullptr;
  int64_t bytes = 0;          // of the elements behind live handles
  int64_t reportedBytes = 0;  // what V8 was told
};

State& state(napi_env env);

}  // namespace pioneer
