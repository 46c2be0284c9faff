// Random generators, each with its own sequence.
#include "door/addon.h"

#include <ATen/CPUGeneratorImpl.h>

namespace pioneer {

/// generator(seed, device): a random generator of its own.
static napi_value generator(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    int64_t seed = toInt(env, args[0], "seed", 0);
    auto device = c10::Device(toString(env, args[1], "device"));
    auto made =
        device.is_cpu() ? at::detail::createCPUGenerator() : at::globalContext().defaultGenerator(device).clone();
    made.set_current_seed(static_cast<uint64_t>(seed));
    return fromNumber(env, state(env).generators.add(std::move(made)));
  });
}

static napi_value freeGenerator(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    return fromBool(env, state(env).generators.remove(toHandle(env, arguments(env, info, 1)[0], "generator")));
  });
}

const std::vector<Export> generatorExports = {{"generator", generator}, {"freeGenerator", freeGenerator}};

}  // namespace pioneer
