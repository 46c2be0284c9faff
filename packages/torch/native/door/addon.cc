// Registration: Node calls this once for each environment that loads the addon.
#include "door/addon.h"

#include <ATen/Context.h>

namespace pioneer {

State& state(napi_env env) {
  void* data = nullptr;
  if (napi_get_instance_data(env, &data) != napi_ok || !data) throw std::runtime_error("the environment is closing");
  return *static_cast<State*>(data);
}

static napi_value initialise(napi_env env, napi_value exports) {
  auto release = [](napi_env, void* data, void*) { delete static_cast<State*>(data); };
  return guard(env, [&] {
    auto own = std::make_unique<State>();
    check(env, napi_set_instance_data(env, own.get(), release, nullptr));
    own.release();
    // float32 means float32: CUDA would round the factors of convolutions to 10 bits. Once in a process, whatever
    // threads load this.
    static const bool exact = [] {
      at::globalContext().setAllowTF32CuDNN(false);
      at::globalContext().setAllowTF32CuBLAS(false);
      return true;
    }();
    (void)exact;
    for (auto* list :
         {&errorExports, &tensorExports, &dispatchExports, &autogradExports, &deviceExports, &generatorExports,
          &memoryExports, &processExports, &batchExports, &profileExports, &graphExports, &rankExports}) {
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
