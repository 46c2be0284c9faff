// The door between JavaScript and libtorch: handles, argument conversion and errors shared by all entry points.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <node_api.h>

#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace pioneer {

/// JavaScript holds tensors and generators as numbers whose 64 bits are: 12 of `kTag`, 28 of generation, 24 of slot.
/// A number that was never handed out, or whose object was freed, misses its generation and is refused, so no value
/// from JavaScript can reach a wrong or dead object. The tag makes handles odd numbers near 1e295, which nobody passes
/// by accident, and tells the tables apart.
template <typename T, uint64_t kTag>
class HandleTable {
 public:
  double add(T value) {
    uint32_t slot;
    if (free_.empty()) {
      if (slots_.size() >= kSlots) throw std::runtime_error("too many live handles; dispose tensors or use scope()");
      slot = static_cast<uint32_t>(slots_.size());
      slots_.push_back({std::move(value), 1});
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot].value = std::move(value);
    }
    live_++;
    uint64_t bits = kTag << 52 | slots_[slot].generation * kSlots | slot;
    double id;
    memcpy(&id, &bits, sizeof id);
    return id;
  }

  T* find(double id) {
    Slot* slot = slotOf(id);
    return slot ? &slot->value : nullptr;
  }

  bool remove(double id) {
    Slot* slot = slotOf(id);
    if (!slot) return false;
    live_--;
    // A slot whose generations are used up retires; reusing a number could reach a wrong object.
    if (++slot->generation < kGenerations) free_.push_back(static_cast<uint32_t>(slot - slots_.data()));
    slot->value = T();
    return true;
  }

  size_t live() const { return live_; }

  /// Whether a number looks like a handle of this table.
  static bool tagged(double id) {
    uint64_t bits;
    memcpy(&bits, &id, sizeof bits);
    return bits >> 52 == kTag;
  }

 private:
  static constexpr uint64_t kSlots = 1 << 24;
  static constexpr uint64_t kGenerations = 1 << 28;
  struct Slot {
    T value;
    uint64_t generation;
  };

  Slot* slotOf(double id) {
    uint64_t bits;
    memcpy(&bits, &id, sizeof bits);
    uint64_t slot = bits % kSlots;
    if (!tagged(id) || slot >= slots_.size()) return nullptr;
    Slot& found = slots_[slot];
    return found.generation == bits / kSlots % kGenerations && found.value.defined() ? &found : nullptr;
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t live_ = 0;
};

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

/// A loader and its thread (batches.cc); both end with the last reference.
struct LoaderHandle {
  std::shared_ptr<BatchLoader> loader;
  bool defined() const { return loader != nullptr; }
};

/// A recorded CUDA graph (graph.cc).
struct GraphHandle {
  std::shared_ptr<Graph> graph;
  bool defined() const { return graph != nullptr; }
};

/// Everything one JavaScript environment (main thread or worker) owns.
struct State {
  HandleTable<at::Tensor, 0x7d5> tensors;
  HandleTable<at::Generator, 0x7d7> generators;
  HandleTable<LoaderHandle, 0x7d9> loaders;
  HandleTable<GraphHandle, 0x7db> graphs;
  std::vector<Operator> operators;
  std::shared_ptr<LentBuffers> lent = std::make_shared<LentBuffers>();
  napi_ref makeError = nullptr;
  int64_t bytes = 0;          // of the elements behind live handles
  int64_t reportedBytes = 0;  // what V8 was told
};

State& state(napi_env env);

/// A JavaScript exception is already pending; unwinds to the entry point.
struct PendingException {};

void check(napi_env env, napi_status status);

/// The whole numbers that a double holds exactly.
constexpr int64_t kMaxInt = 9007199254740991;

// Values in (each throws std::invalid_argument naming `what`).
std::vector<napi_value> arguments(napi_env env, napi_callback_info info, size_t count);
double toHandle(napi_env env, napi_value value, const char* what);
double toNumber(napi_env env, napi_value value, const char* what);
bool toBool(napi_env env, napi_value value, const char* what);
std::string toString(napi_env env, napi_value value, const char* what);
int64_t toInt(napi_env env, napi_value value, const std::string& what, int64_t low = -kMaxInt, int64_t high = kMaxInt);
at::ScalarType toScalarType(napi_env env, napi_value value, const std::string& what);
bool isNullish(napi_env env, napi_value value);
uint32_t arrayLength(napi_env env, napi_value value, const std::string& what);
napi_value element(napi_env env, napi_value array, uint32_t index);
at::Tensor& toTensor(napi_env env, napi_value value, const std::string& what);
std::vector<at::Tensor> toTensors(napi_env env, napi_value value, const std::string& what);
std::vector<int64_t> toInts(napi_env env, napi_value value, const std::string& what);
std::string describe(napi_env env, napi_value value);
std::string describe(const at::Tensor& tensor);

// Values out.
napi_value fromNumber(napi_env env, double value);
napi_value fromBool(napi_env env, bool value);
napi_value fromString(napi_env env, const std::string& value);
napi_value fromTensor(napi_env env, at::Tensor tensor);
napi_value fromTensors(napi_env env, const std::vector<at::Tensor>& tensors);
napi_value undefined(napi_env env);

/// The first line of what libtorch says, without its C++ stack.
std::string firstLine(const std::exception& error);
void throwError(napi_env env, const std::string& message);

/// Runs an entry point. No C++ exception leaves it: each becomes a JavaScript error.
template <typename Body>
napi_value guard(napi_env env, Body body) {
  try {
    return body();
  } catch (const PendingException&) {
  } catch (const std::exception& error) {
    throwError(env, firstLine(error));
  } catch (...) {
    throwError(env, "unknown C++ exception");
  }
  return nullptr;
}

struct Export {
  const char* name;
  napi_callback function;
};

// One list per concern; addon.cc registers them all.
extern const std::vector<Export> tensorExports;
extern const std::vector<Export> dispatchExports;
extern const std::vector<Export> autogradExports;
extern const std::vector<Export> deviceExports;
extern const std::vector<Export> memoryExports;
extern const std::vector<Export> processExports;
extern const std::vector<Export> batchExports;
extern const std::vector<Export> profileExports;
extern const std::vector<Export> graphExports;

}  // namespace pioneer
