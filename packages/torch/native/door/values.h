// Values on their way in, checked and named in what is thrown, and on their way out.
#pragma once

#include <ATen/ATen.h>
#include <node_api.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace pioneer {

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
napi_valuetype typeOf(napi_env env, napi_value value);
bool isNullish(napi_env env, napi_value value);
uint32_t arrayLength(napi_env env, napi_value value, const std::string& what);
napi_value element(napi_env env, napi_value array, uint32_t index);
at::Tensor& toTensor(napi_env env, napi_value value, const std::string& what);
std::vector<at::Tensor> toTensors(napi_env env, napi_value value, const std::string& what);
std::vector<int64_t> toInts(napi_env env, napi_value value, const std::string& what);
std::string describe(napi_env env, napi_value value);
std::string describe(const at::Tensor& tensor);

/// "`what` must be `kind`, got ...": to be thrown.
std::invalid_argument expected(napi_env env, const std::string& what, const char* kind, napi_value got);

// Values out.
napi_value fromNumber(napi_env env, double value);
napi_value fromBool(napi_env env, bool value);
napi_value fromString(napi_env env, const std::string& value);
napi_value fromTensor(napi_env env, at::Tensor tensor);
napi_value fromTensors(napi_env env, const std::vector<at::Tensor>& tensors);
napi_value undefined(napi_env env);

}  // namespace pioneer
