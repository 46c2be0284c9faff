#include "door/addon.h"

#include <algorithm>

namespace pioneer {

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException();
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info && info->error_message ? info->error_message : "Node-API call failed");
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

const std::vector<Export> errorExports = {{"setErrorFactory", setErrorFactory}};

}  // namespace pioneer
