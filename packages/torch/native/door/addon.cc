// Module registration and the conversions every entry point uses.
#include "door/addon.h"

#include <ATen/Context.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace pioneer {

State& state(napi_env env) {
  void* data = nullptr;
  if (napi_get_instance_data(env, &data) != napi_ok || !data) throw std::runtime_error("the environment is closing");
  return *static_cast<State*>(data);
}

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException();
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info && info->error_message ? info->error_message : "Node-API call failed");
}

std::vector<napi_value> arguments(napi_env env, napi_callback_info info, size_t count) {
  std::vector<napi_value> values(count);
  size_t given = count;
  check(env, napi_get_cb_info(env, info, &given, values.data(), nullptr, nullptr));
  return values;  // missing ones are `undefined`
}

static napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  return type;
}

bool isNullish(napi_env env, napi_value value) {
  auto type = typeOf(env, value);
  return type == napi_undefined || type == napi_null;
}

/// Short and on one line, whatever it holds.
static std::string quote(const std::string& text) {
  std::string quoted(1, '"');
  for (char letter : text.substr(0, 40)) quoted += static_cast<unsigned char>(letter) < ' ' ? ' ' : letter;
  return quoted.append(text.size() > 40 ? "...\"" : "\"");
}

std::string describe(napi_env env, napi_value value) {
  switch (typeOf(env, value)) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return toBool(env, value, "") ? "true" : "false";
    case napi_number: {
      double number = toHandle(env, value, "");
      if (auto* tensor = state(env).tensors.find(number)) return describe(*tensor);
      char text[32];
      snprintf(text, sizeof text, "%.15g", number);
      return text;
    }
    case napi_string: return quote(toString(env, value, ""));
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_symbol: return "a symbol";
    default: {
      bool isArray = false;
      check(env, napi_is_array(env, value, &isArray));
      return isArray ? "an array" : "an object";
    }
  }
}

std::string describe(const at::Tensor& tensor) {
  auto name = [](at::ScalarType type) -> std::string {
    switch (type) {
      case at::kByte: return "uint8";
      case at::kChar: return "int8";
      case at::kShort: return "int16";
      case at::kInt: return "int32";
      case at::kLong: return "int64";
      case at::kHalf: return "float16";
      case at::kFloat: return "float32";
      case at::kDouble: return "float64";
      case at::kBool: return "bool";
      case at::kBFloat16: return "bfloat16";
      default: return c10::toString(type);
    }
  };
  std::string text = name(tensor.scalar_type()).append("[");
  for (int64_t i = 0; i < tensor.dim(); i++) text.append(i ? "," : "").append(std::to_string(tensor.size(i)));
  return text.append("] ").append(tensor.device().str());
}

static std::invalid_argument expected(napi_env env, const std::string& what, const char* kind, napi_value got) {
  return std::invalid_argument(what + " must be " + kind + ", got " + describe(env, got));
}

double toHandle(napi_env env, napi_value value, const char* what) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) throw expected(env, what, "a number", value);
  return number;
}

double toNumber(napi_env env, napi_value value, const char* what) {
  double number = toHandle(env, value, what);
  if (decltype(State::tensors)::tagged(number)) throw expected(env, what, "a number", value);
  return number;
}

bool toBool(napi_env env, napi_value value, const char* what) {
  bool flag;
  if (napi_get_value_bool(env, value, &flag) != napi_ok) throw expected(env, what, "a boolean", value);
  return flag;
}

std::string toString(napi_env env, napi_value value, const char* what) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) throw expected(env, what, "a string", value);
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

int64_t toInt(napi_env env, napi_value value, const std::string& what, int64_t low, int64_t high) {
  double number = toNumber(env, value, what.c_str());
  if (number != std::floor(number)) throw expected(env, what, "a whole number", value);
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high))) {
    throw std::invalid_argument(what + " must be from " + std::to_string(low) + " to " + std::to_string(high) + ", got " +
                                describe(env, value));
  }
  return static_cast<int64_t>(number);
}

at::ScalarType toScalarType(napi_env env, napi_value value, const std::string& what) {
  return static_cast<at::ScalarType>(toInt(env, value, what, 0, static_cast<int64_t>(at::ScalarType::NumOptions) - 1));
}

uint32_t arrayLength(napi_env env, napi_value value, const std::string& what) {
  bool isArray = false;
  check(env, napi_is_array(env, value, &isArray));
  if (!isArray) throw expected(env, what, "an array", value);
  uint32_t length;
  check(env, napi_get_array_length(env, value, &length));
  // JavaScript may say `new Array(4e9)`; the longest real lists are those of all parameters of a network.
  if (length > 1 << 20) throw std::invalid_argument(what + " is a list of " + std::to_string(length) + " elements, too many");
  return length;
}

napi_value element(napi_env env, napi_value array, uint32_t index) {
  napi_value value;
  check(env, napi_get_element(env, array, index, &value));
  return value;
}

at::Tensor& toTensor(napi_env env, napi_value value, const std::string& what) {
  double id;
  if (napi_get_value_double(env, value, &id) == napi_ok) {
    if (auto* tensor = state(env).tensors.find(id)) return *tensor;
  }
  throw expected(env, what, "a Tensor", value);
}

std::vector<at::Tensor> toTensors(napi_env env, napi_value value, const std::string& what) {
  std::vector<at::Tensor> tensors(arrayLength(env, value, what));
  for (uint32_t i = 0; i < tensors.size(); i++) tensors[i] = toTensor(env, element(env, value, i), what);
  return tensors;
}

std::vector<int64_t> toInts(napi_env env, napi_value value, const std::string& what) {
  std::vector<int64_t> ints(arrayLength(env, value, what));
  for (uint32_t i = 0; i < ints.size(); i++) ints[i] = toInt(env, element(env, value, i), what);
  return ints;
}

napi_value fromNumber(napi_env env, double value) {
  napi_value result;
  check(env, napi_create_double(env, value, &result));
  return result;
}

napi_value fromBool(napi_env env, bool value) {
  napi_value result;
  check(env, napi_get_boolean(env, value, &result));
  return result;
}

napi_value fromString(napi_env env, const std::string& value) {
  napi_value result;
  check(env, napi_create_string_utf8(env, value.data(), value.size(), &result));
  return result;
}

napi_value undefined(napi_env env) {
  napi_value result;
  check(env, napi_get_undefined(env, &result));
  return result;
}

std::string firstLine(const std::exception& error) {
  auto* torchError = dynamic_cast<const c10::Error*>(&error);
  std::string text = torchError ? torchError->what_without_backtrace() : error.what();
  size_t start = std::min(text.find_first_not_of(" \n"), text.size());
  std::string line = text.substr(start, text.find('\n', start) - start);
  // Some go on and list every backend there is.
  return line.size() > 500 ? line.substr(0, 500).append("...") : line;
}

void throwError(napi_env env, const std::string& message) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) != napi_ok || pending) return;
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  napi_value factory, receiver, text, error;
  auto* own = static_cast<State*>(data);
  if (own && own->makeError && napi_get_reference_value(env, own->makeError, &factory) == napi_ok && factory &&
      napi_get_undefined(env, &receiver) == napi_ok &&
      napi_create_string_utf8(env, message.data(), message.size(), &text) == napi_ok &&
      napi_call_function(env, receiver, factory, 1, &text, &error) == napi_ok) {
    napi_throw(env, error);
    return;
  }
  napi_is_exception_pending(env, &pending);
  if (!pending) napi_throw_error(env, "TORCH", message.c_str());
}

/// setErrorFactory((message: string) => Error): errors are made in JavaScript, so they carry its class and stack.
static napi_value setErrorFactory(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 1);
    if (typeOf(env, args[0]) != napi_function) throw expected(env, "factory", "a function", args[0]);
    auto& own = state(env);
    if (own.makeError) check(env, napi_delete_reference(env, own.makeError));
    check(env, napi_create_reference(env, args[0], 1, &own.makeError));
    return undefined(env);
  });
}

static const std::vector<Export> addonExports = {{"setErrorFactory", setErrorFactory}};

static napi_value initialise(napi_env env, napi_value exports) {
  auto release = [](napi_env, void* data, void*) { delete static_cast<State*>(data); };
  return guard(env, [&] {
    auto own = std::make_unique<State>();
    check(env, napi_set_instance_data(env, own.get(), release, nullptr));
    own.release();
    // float32 means float32 (setTf32): once in a process, whatever threads load this.
    static const bool exact = [] {
      at::globalContext().setAllowTF32CuDNN(false);
      at::globalContext().setAllowTF32CuBLAS(false);
      return true;
    }();
    (void)exact;
    for (auto* list : {&addonExports, &tensorExports, &dispatchExports, &autogradExports, &deviceExports,
                       &memoryExports, &processExports, &batchExports, &profileExports, &graphExports}) {
      for (auto& entry : *list) {
        napi_value function;
        check(env, napi_create_function(env, entry.name, NAPI_AUTO_LENGTH, entry.function, nullptr, &function));
        check(env, napi_set_named_property(env, exports, entry.name, function));
      }
    }
    return exports;
  });
}

}  // namespace pioneer

NAPI_MODULE_INIT() { return pioneer::initialise(env, exports); }
