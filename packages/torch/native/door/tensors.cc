// Tensor handles: their life, their description, and views to and from typed arrays.
#include "door/addon.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace pioneer {

/// V8 collects wrappers of tensors it believes to be a few bytes; it is told of their memory in coarse steps, because
/// every report may start a collection.
static constexpr int64_t kReportStep = 256ll << 20;

static void account(napi_env env, int64_t change) {
  auto& own = state(env);
  own.bytes += change;
  int64_t unreported = own.bytes - own.reportedBytes;
  if (std::abs(unreported) < kReportStep) return;
  int64_t total;
  napi_adjust_external_memory(env, unreported, &total);
  own.reportedBytes = own.bytes;
}

/// Of the tensor's own elements, not its whole storage: many small views of a large tensor must not look like as many
/// large ones, or V8 would collect all the time.
static int64_t elementBytes(const at::Tensor& tensor) {
  return tensor.has_storage() ? static_cast<int64_t>(std::min(tensor.storage().nbytes(), tensor.nbytes())) : 0;
}

napi_value fromTensor(napi_env env, at::Tensor tensor) {
  if (!tensor.defined()) {
    napi_value none;
    check(env, napi_get_null(env, &none));
    return none;
  }
  account(env, elementBytes(tensor));
  return fromNumber(env, state(env).tensors.add(std::move(tensor)));
}

napi_value fromTensors(napi_env env, const std::vector<at::Tensor>& tensors) {
  napi_value array;
  check(env, napi_create_array_with_length(env, tensors.size(), &array));
  for (uint32_t i = 0; i < tensors.size(); i++)
    check(env, napi_set_element(env, array, i, fromTensor(env, tensors[i])));
  return array;
}

static void returnLentBuffers(napi_env env) {
  auto& lent = *state(env).lent;
  std::vector<napi_ref> returned;
  {
    std::lock_guard<std::mutex> lock(lent.mutex);
    returned.swap(lent.returned);
  }
  for (auto reference : returned) napi_delete_reference(env, reference);
}

/// free(id): true if it was alive.
static napi_value free(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 1);
    double id = toHandle(env, args[0], "id");
    auto& own = state(env);
    auto* tensor = own.tensors.find(id);
    if (!tensor) return fromBool(env, false);
    int64_t bytes = elementBytes(*tensor);
    own.tensors.remove(id);
    account(env, -bytes);
    returnLentBuffers(env);
    return fromBool(env, true);
  });
}

/// memory(): [live tensor handles, bytes of the elements behind them].
static napi_value memory(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    napi_value pair;
    check(env, napi_create_array_with_length(env, 2, &pair));
    check(env, napi_set_element(env, pair, 0, fromNumber(env, static_cast<double>(state(env).tensors.live()))));
    check(env, napi_set_element(env, pair, 1, fromNumber(env, static_cast<double>(state(env).bytes))));
    return pair;
  });
}

/// shape(id): number[].
static napi_value shape(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto& tensor = toTensor(env, arguments(env, info, 1)[0], "tensor");
    napi_value array;
    check(env, napi_create_array_with_length(env, tensor.dim(), &array));
    for (int64_t i = 0; i < tensor.dim(); i++) {
      check(env, napi_set_element(env, array, i, fromNumber(env, static_cast<double>(tensor.size(i)))));
    }
    return array;
  });
}

/// dtype(id): libtorch's number of the scalar type.
static napi_value dtype(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    return fromNumber(env, static_cast<double>(toTensor(env, arguments(env, info, 1)[0], "tensor").scalar_type()));
  });
}

/// device(id): "cpu" or "cuda:0".
static napi_value device(napi_env env, napi_callback_info info) {
  return guard(env,
               [&] { return fromString(env, toTensor(env, arguments(env, info, 1)[0], "tensor").device().str()); });
}

/// fromBuffer(typedArray, dtype, shape, copy): a tensor on the CPU. Without copy it shares the array's memory and
/// keeps the array alive.
static napi_value fromBuffer(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 4);
    bool isTyped = false;
    check(env, napi_is_typedarray(env, args[0], &isTyped));
    if (!isTyped) throw std::invalid_argument("data must be a typed array, got " + describe(env, args[0]));
    napi_typedarray_type kind;
    size_t length, offset;
    void* data;
    napi_value buffer;
    check(env, napi_get_typedarray_info(env, args[0], &kind, &length, &data, &buffer, &offset));
    auto dtype = toScalarType(env, args[1], "dtype");
    auto shape = toInts(env, args[2], "shape");
    size_t wanted = c10::elementSize(dtype);
    for (auto size : shape) {
      if (size < 0) throw std::invalid_argument("shape must not hold negative sizes");
      if (size > 0 && wanted > SIZE_MAX / static_cast<size_t>(size)) throw std::invalid_argument("shape is too large");
      wanted *= static_cast<size_t>(size);
    }
    static constexpr size_t kWidths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
    if (static_cast<size_t>(kind) >= std::size(kWidths))
      throw std::invalid_argument("data is an array of an unknown kind");
    size_t bytes = length * kWidths[kind];
    if (bytes != wanted) {
      throw std::invalid_argument("data holds " + std::to_string(bytes) + " bytes, shape and dtype need " +
                                  std::to_string(wanted));
    }
    auto options = at::TensorOptions().dtype(dtype);
    if (toBool(env, args[3], "copy") || bytes == 0) {
      auto tensor = at::empty(shape, options);
      if (bytes) memcpy(tensor.data_ptr(), data, bytes);
      return fromTensor(env, std::move(tensor));
    }
    if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(dtype) != 0) {
      throw std::invalid_argument("data to share must start at a multiple of its element's size");
    }
    napi_ref reference;
    check(env, napi_create_reference(env, args[0], 1, &reference));
    auto giveBack = [lent = state(env).lent, reference](void*) {
      std::lock_guard<std::mutex> lock(lent->mutex);
      lent->returned.push_back(reference);
    };
    return fromTensor(env, at::from_blob(data, shape, giveBack, options));
  });
}

static at::Tensor& toPlain(napi_env env, napi_value value) {
  auto& tensor = toTensor(env, value, "tensor");
  if (!tensor.device().is_cpu() || !tensor.is_contiguous()) {
    throw std::invalid_argument("expected a contiguous tensor on the CPU, got " + describe(tensor));
  }
  return tensor;
}

static napi_value copyOut(napi_env env, const at::Tensor& tensor) {
  napi_value buffer;
  void* data;
  check(env, napi_create_arraybuffer(env, tensor.nbytes(), &data, &buffer));
  if (tensor.nbytes() != 0) memcpy(data, tensor.data_ptr(), tensor.nbytes());
  return buffer;
}

/// read(id): an ArrayBuffer with a copy of the elements of a contiguous CPU tensor.
static napi_value read(napi_env env, napi_callback_info info) {
  return guard(env, [&] { return copyOut(env, toPlain(env, arguments(env, info, 1)[0])); });
}

/// view(id): an ArrayBuffer over the memory of a contiguous CPU tensor, which it keeps alive.
static napi_value view(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto& tensor = toPlain(env, arguments(env, info, 1)[0]);
    if (tensor.nbytes() == 0) return copyOut(env, tensor);
    auto* keep = new at::Tensor(tensor);
    auto release = [](napi_env, void*, void* hint) { delete static_cast<at::Tensor*>(hint); };
    napi_value buffer;
    auto status = napi_create_external_arraybuffer(env, keep->data_ptr(), keep->nbytes(), release, keep, &buffer);
    if (status == napi_no_external_buffers_allowed) {
      // Electron: its sandbox allows no foreign memory, so the bytes are copied.
      delete keep;
      return copyOut(env, tensor);
    }
    // On any other failure Node has already run `release`.
    check(env, status);
    return buffer;
  });
}

const std::vector<Export> tensorExports = {
    {"free", free},     {"memory", memory},         {"shape", shape}, {"dtype", dtype},
    {"device", device}, {"fromBuffer", fromBuffer}, {"read", read},   {"view", view},
};

}  // namespace pioneer
