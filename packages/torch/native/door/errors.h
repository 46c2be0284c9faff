// How errors of C++ and of libtorch become errors of JavaScript.
#pragma once

#include <node_api.h>

#include <exception>
#include <string>

namespace pioneer {

/// A JavaScript exception is already pending; unwinds to the entry point.
struct PendingException {};

void check(napi_env env, napi_status status);

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

}  // namespace pioneer
