#include "door/values.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "door/errors.h"
#include "door/state.h"

namespace pioneer {

std::vector<napi_value> arguments(napi_env env, napi_callback_info info, size_t count) {
  std::vector<napi_value> values(count);
  size_t given = count;
  check(env, napi_get_cb_info(env, info, &given, values.data(), nullptr, nullptr));
  return values;  // missing ones are `undefined`
}

napi_valuetype typeOf(napi_env env, napi_value value) {
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

std::invalid_argument expected(napi_env env, const std::string& what, const char* kind, napi_value got) {
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
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok)
    throw expected(env, what, "a string", value);
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

int64_t toInt(napi_env env, napi_value value, const std::string& what, int64_t low, int64_t high) {
  double number = toNumber(env, value, what.c_str());
  if (number != std::floor(number)) throw expected(env, what, "a whole number", value);
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(high))) {
    throw std::invalid_argument(what + " must be from " + std::to_string(low) + " to " + std::to_string(high) +
                                ", got " + describe(env, value));
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
  if (length > 1 << 20)
    throw std::invalid_argument(what + " is a list of " + std::to_string(length) + " elements, too many");
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

}  // namespace pioneer
