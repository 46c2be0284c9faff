// Notes what libtorch executes: every operator call and every node of a backward pass, on all threads, with its inputs
// and its own time. One recording at a time in a process; none costs nothing.
#include "door/addon.h"

#include <ATen/record_function.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <variant>

namespace pioneer {

namespace {

using Clock = std::chrono::steady_clock;

struct TensorNote {
  std::vector<int64_t> shape, strides;  // no strides where the layout has none
  at::ScalarType dtype;
};

/// An argument, without keeping the tensors in it alive.
struct Note {
  std::variant<std::monostate, bool, double, std::string, TensorNote, std::vector<Note>> value;
};

constexpr size_t kNoParent = std::numeric_limits<size_t>::max();

struct Call {
  std::string name;
  std::vector<Note> inputs;
  size_t parent;
  double seconds = 0;  // without the calls inside it
};

struct Recording {
  std::mutex mutex;
  std::vector<Call> calls;
  at::CallbackHandle callback = at::INVALID_CALLBACK_HANDLE;
  std::atomic<uint64_t> session{0};  // 0 while nothing is recorded
  uint64_t sessions = 0;
};

/// Outlives every thread that may still leave an operator.
Recording& recording() {
  static auto* only = new Recording();
  return *only;
}

Note noteOf(const c10::IValue& value) {
  if (value.isTensor()) {
    auto& tensor = value.toTensor();
    if (!tensor.defined()) return {};
    bool strided = tensor.layout() == at::kStrided;
    return {TensorNote{tensor.sizes().vec(), strided ? tensor.strides().vec() : std::vector<int64_t>(),
                       tensor.scalar_type()}};
  }
  if (value.isBool()) return {value.toBool()};
  if (value.isInt()) return {static_cast<double>(value.toInt())};
  if (value.isDouble()) return {value.toDouble()};
  if (value.isString()) return {value.toStringRef()};
  if (value.isList()) {
    std::vector<Note> notes;
    for (const c10::IValue& element : value.toListRef()) notes.push_back(noteOf(element));
    return {std::move(notes)};
  }
  return {};
}

/// A call that has not returned yet.
struct Running : at::ObserverContext {
  uint64_t session;
  size_t index;
  Running* parent;
  Clock::time_point start;
  Clock::duration nested{0};  // calls inside, and what noting them took
};

thread_local Running* innermost = nullptr;

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  auto entered = Clock::now();
  auto& own = recording();
  uint64_t session = own.session;
  if (session == 0) return nullptr;
  auto running = std::make_unique<Running>();
  running->session = session;
  running->parent = innermost && innermost->session == session ? innermost : nullptr;
  Call call;
  auto name = function.operator_name();
  call.name = name ? name->name + (name->overload_name.empty() ? "" : "." + name->overload_name) : function.name();
  for (auto& input : function.inputs()) call.inputs.push_back(noteOf(input));
  call.parent = running->parent ? running->parent->index : kNoParent;
  {
    std::lock_guard<std::mutex> lock(own.mutex);
    running->index = own.calls.size();
    own.calls.push_back(std::move(call));
  }
  innermost = running.get();
  running->start = Clock::now();
  if (running->parent) running->parent->nested += running->start - entered;
  return running;
}

void leave(const at::RecordFunction&, at::ObserverContext* context) {
  auto* running = static_cast<Running*>(context);
  if (!running) return;
  auto took = Clock::now() - running->start;
  innermost = running->parent;
  if (running->parent) running->parent->nested += took;
  auto& own = recording();
  std::lock_guard<std::mutex> lock(own.mutex);
  if (own.session != running->session) return;
  own.calls[running->index].seconds = std::chrono::duration<double>(took - running->nested).count();
}

napi_value fromNote(napi_env env, const Note& note);

template <typename T, typename Convert>
napi_value fromList(napi_env env, const std::vector<T>& values, Convert convert) {
  napi_value array;
  check(env, napi_create_array_with_length(env, values.size(), &array));
  for (uint32_t i = 0; i < values.size(); i++) check(env, napi_set_element(env, array, i, convert(values[i])));
  return array;
}

napi_value fromObject(napi_env env, const std::vector<std::pair<const char*, napi_value>>& fields) {
  napi_value object;
  check(env, napi_create_object(env, &object));
  for (auto& [name, value] : fields) check(env, napi_set_named_property(env, object, name, value));
  return object;
}

napi_value fromNull(napi_env env) {
  napi_value result;
  check(env, napi_get_null(env, &result));
  return result;
}

napi_value fromNote(napi_env env, const Note& note) {
  if (auto* flag = std::get_if<bool>(&note.value)) return fromBool(env, *flag);
  if (auto* number = std::get_if<double>(&note.value)) return fromNumber(env, *number);
  if (auto* text = std::get_if<std::string>(&note.value)) return fromString(env, *text);
  if (auto* list = std::get_if<std::vector<Note>>(&note.value)) {
    return fromList(env, *list, [&](auto& element) { return fromNote(env, element); });
  }
  if (auto* tensor = std::get_if<TensorNote>(&note.value)) {
    auto number = [&](int64_t value) { return fromNumber(env, static_cast<double>(value)); };
    return fromObject(env, {{"shape", fromList(env, tensor->shape, number)},
                            {"strides", fromList(env, tensor->strides, number)},
                            {"dtype", number(static_cast<int64_t>(tensor->dtype))}});
  }
  return fromNull(env);
}

/// startRecording(): from now on every call is noted.
napi_value startRecording(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    auto& own = recording();
    std::lock_guard<std::mutex> lock(own.mutex);
    if (own.session != 0) throw std::runtime_error("operators are being recorded already in this process");
    own.calls.clear();
    own.callback = at::addGlobalCallback(at::RecordFunctionCallback(enter, leave)
                                             .needsInputs(true)
                                             .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
    own.session = ++own.sessions;
    return undefined(env);
  });
}

/// stopRecording(): [{name, inputs, parent: index | null, seconds}], in the order of their beginning.
napi_value stopRecording(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    auto& own = recording();
    std::vector<Call> calls;
    {
      std::lock_guard<std::mutex> lock(own.mutex);
      if (own.session == 0) throw std::runtime_error("no recording was started");
      own.session = 0;
      at::removeCallback(own.callback);
      calls.swap(own.calls);
    }
    return fromList(env, calls, [&](auto& call) {
      return fromObject(env, {{"name", fromString(env, call.name)},
                              {"inputs", fromList(env, call.inputs, [&](auto& note) { return fromNote(env, note); })},
                              {"parent", call.parent == kNoParent ? fromNull(env)
                                                                  : fromNumber(env, static_cast<double>(call.parent))},
                              {"seconds", fromNumber(env, call.seconds)}});
    });
  });
}

}  // namespace

const std::vector<Export> profileExports = {{"startRecording", startRecording}, {"stopRecording", stopRecording}};

}  // namespace pioneer
