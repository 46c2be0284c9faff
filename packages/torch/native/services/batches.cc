// Batches of images, prepared on a thread of their own while libtorch computes: images of a uint8 tensor made smaller
// by means over squares, blended with their half-size versions, mirrored, scaled to [-1, 1].
#include "door/addon.h"

#include <ATen/EmptyTensor.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace pioneer {

/// What one batch is made of.
struct BatchRequest {
  std::vector<uint32_t> indices;
  std::vector<uint8_t> mirrored;  // one for each index
  int64_t size = 0;
  float blend = 1;  // weight of an image against its half-size version
};

namespace {

/// A sum of bytes of an image as a value in [-1, 1]. Sums are below 2^24, so float holds them exactly.
inline float scaled(uint32_t sum, float area) { return static_cast<float>(sum) / area / 127.5f - 1.0f; }

/// One image on its way to a batch; keeps its memory from image to image.
class Shrinker {
 public:
  Shrinker(int64_t side, int64_t channels, int64_t size)
      : width_(side * channels),
        channels_(channels),
        size_(size),
        factor_(side / size),
        columns_(width_),
        sums_(size * size * channels),
        halfSums_(size / 2 * (size / 2) * channels) {}

  /// @param image [side, side, channels]  @param out [size, size, 3]
  void run(const uint8_t* image, bool mirrored, float blend, float* out) {
    sumSquares(image);
    if (blend < 1) sumHalves();
    const float area = static_cast<float>(factor_ * factor_);
    for (int64_t y = 0; y < size_; y++) {
      for (int64_t x = 0; x < size_; x++) {
        const int64_t from = mirrored ? size_ - 1 - x : x;
        const uint32_t* sum = &sums_[(y * size_ + from) * channels_];
        const uint32_t* half = &halfSums_[blend < 1 ? (y / 2 * (size_ / 2) + from / 2) * channels_ : 0];
        for (int64_t c = 0; c < 3; c++, out++) {
          const int64_t k = channels_ == 3 ? c : 0;
          const float value = scaled(sum[k], area);
          const float coarse = blend < 1 ? scaled(half[k], 4 * area) : value;
          *out = blend < 1 ? coarse + blend * (value - coarse) : value;
        }
      }
    }
  }

 private:
  /// Down the columns first, over whole rows: loops that the compiler vectorises.
  void sumSquares(const uint8_t* image) {
    for (int64_t y = 0; y < size_; y++) {
      std::fill(columns_.begin(), columns_.end(), uint16_t{0});
      for (int64_t row = 0; row < factor_; row++, image += width_) {
        for (int64_t i = 0; i < width_; i++) columns_[i] = static_cast<uint16_t>(columns_[i] + image[i]);
      }
      for (int64_t x = 0; x < size_; x++) {
        for (int64_t c = 0; c < channels_; c++) {
          const uint16_t* column = &columns_[x * factor_ * channels_ + c];
          uint32_t sum = 0;
          for (int64_t i = 0; i < factor_; i++) sum += column[i * channels_];
          sums_[(y * size_ + x) * channels_ + c] = sum;
        }
      }
    }
  }

  void sumHalves() {
    const int64_t row = size_ * channels_;
    auto* half = halfSums_.data();
    for (int64_t y = 0; y < size_; y += 2) {
      for (int64_t x = 0; x < size_; x += 2) {
        const uint32_t* sum = &sums_[y * row + x * channels_];
        for (int64_t c = 0; c < channels_; c++, sum++)
          *half++ = sum[0] + sum[channels_] + sum[row] + sum[row + channels_];
      }
    }
  }

  const int64_t width_, channels_, size_, factor_;
  std::vector<uint16_t> columns_;  // sums of `factor_` bytes, which is at most 256
  std::vector<uint32_t> sums_, halfSums_;
};

}  // namespace

/// The images, a thread, and at most one batch: asked for, being made, or ready. All but work() runs on JavaScript's.
class BatchLoader {
 public:
  BatchLoader(const at::Tensor& images, bool pinned)
      : images_(images.detach()), pinned_(pinned), thread_([this] { work(); }) {}

  ~BatchLoader() {
    drop();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      state_ = kEnded;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// Starts a batch; one that nobody took is dropped. Everything that could reach foreign memory is refused here.
  void begin(BatchRequest request) {
    check(request);
    drop();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      request_ = std::move(request);
      state_ = kAsked;
    }
    changed_.notify_all();
  }

  /// Waits for the batch; throws what went wrong on the thread.
  at::Tensor finish() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (state_ == kIdle) throw std::invalid_argument("no batch was begun");
    changed_.wait(lock, [this] { return state_ == kReady; });
    state_ = kIdle;
    if (auto error = std::exchange(error_, nullptr)) std::rethrow_exception(error);
    return std::exchange(batch_, at::Tensor());
  }

 private:
  void check(const BatchRequest& request) const {
    const int64_t count = images_.size(0), side = images_.size(1), size = request.size;
    if (request.indices.empty()) throw std::invalid_argument("a batch needs at least one image");
    if (request.mirrored.size() != request.indices.size()) {
      throw std::invalid_argument("mirrored must hold one value for each of the " +
                                  std::to_string(request.indices.size()) + " images, got " +
                                  std::to_string(request.mirrored.size()));
    }
    for (auto index : request.indices) {
      if (index >= count) {
        throw std::invalid_argument("image " + std::to_string(index) + " is not one of the " + std::to_string(count));
      }
    }
    // Beyond 256, sums of bytes would not fit.
    if (size < 1 || side % size != 0 || side / size > 256) {
      throw std::invalid_argument("size must divide the images' " + std::to_string(side) + " by at most 256, got " +
                                  std::to_string(size));
    }
    if (!(request.blend >= 0 && request.blend <= 1)) throw std::invalid_argument("blend must be from 0 to 1");
    if (request.blend < 1 && size % 2 != 0)
      throw std::invalid_argument("only images of an even size have a half size to blend with");
  }

  /// Waits until the thread is done with a batch that nobody will take.
  void drop() {
    dropped_ = true;
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return state_ == kIdle || state_ == kReady; });
    state_ = kIdle;
    batch_ = at::Tensor();
    error_ = nullptr;
    dropped_ = false;
  }

  /// The thread: prepares what is asked for until the loader ends.
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return state_ == kAsked || state_ == kEnded; });
      if (state_ == kEnded) return;
      lock.unlock();
      at::Tensor batch;
      std::exception_ptr error;
      try {
        batch = prepare();
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      batch_ = std::move(batch);
      error_ = std::move(error);
      state_ = kReady;
      changed_.notify_all();
    }
  }

  /// [count, 3, size, size], channels last as convolutions like it. Of libtorch only its allocator is used: the process
  /// may end at any moment, and then takes libtorch's dispatcher with it.
  at::Tensor prepare() const {
    const int64_t count = static_cast<int64_t>(request_.indices.size());
    const int64_t side = images_.size(1), channels = images_.size(3), size = request_.size;
    auto batch = at::detail::empty_cpu({count, 3, size, size}, at::kFloat, pinned_, at::MemoryFormat::ChannelsLast);
    auto* out = static_cast<float*>(batch.data_ptr());
    auto* images = static_cast<const uint8_t*>(images_.data_ptr());
    Shrinker shrinker(side, channels, size);
    for (int64_t i = 0; i < count && !dropped_; i++) {
      shrinker.run(images + request_.indices[i] * side * side * channels, request_.mirrored[i] != 0, request_.blend,
                   out + i * size * size * 3);
    }
    return batch;
  }

  const at::Tensor images_;  // [count, side, side, 1 or 3]; keeps a mapped file mapped
  const bool pinned_;
  std::mutex mutex_;
  std::condition_variable changed_;
  enum { kIdle, kAsked, kReady, kEnded } state_ = kIdle;
  std::atomic<bool> dropped_{false};
  BatchRequest request_;  // the thread's while the state is kAsked
  at::Tensor batch_;
  std::exception_ptr error_;
  std::thread thread_;  // last: it uses all of the above
};

static BatchLoader& toLoader(napi_env env, napi_value value) {
  auto* found = state(env).loaders.find(toHandle(env, value, "loader"));
  if (!found) throw std::invalid_argument("loader must be a live BatchLoader");
  return *found->loader;
}

template <typename T>
static std::vector<T> toVector(napi_env env, napi_value value, napi_typedarray_type wanted, const char* what,
                               const char* kind) {
  bool isTyped = false;
  check(env, napi_is_typedarray(env, value, &isTyped));
  napi_typedarray_type found = napi_float64_array;
  size_t length = 0;
  void* data = nullptr;
  if (isTyped) check(env, napi_get_typedarray_info(env, value, &found, &length, &data, nullptr, nullptr));
  if (found != wanted)
    throw std::invalid_argument(std::string(what) + " must be a " + kind + ", got " + describe(env, value));
  auto* values = static_cast<const T*>(data);
  return std::vector<T>(values, values + length);
}

/// batchLoader(images, pinned): a loader, which must be freed.
static napi_value batchLoader(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    auto& images = toTensor(env, args[0], "images");
    bool shaped = images.dim() == 4 && images.size(0) > 0 && images.size(0) <= UINT32_MAX && images.size(1) > 0 &&
                  images.size(1) == images.size(2) && (images.size(3) == 1 || images.size(3) == 3);
    if (!shaped || images.scalar_type() != at::kByte || !images.device().is_cpu() || !images.is_contiguous()) {
      throw std::invalid_argument("expected images as a contiguous uint8[count,side,side,1 or 3] on the CPU, got " +
                                  describe(images));
    }
    auto loader = std::make_shared<BatchLoader>(images, toBool(env, args[1], "pinned"));
    return fromNumber(env, state(env).loaders.add({std::move(loader)}));
  });
}

/// beginBatch(loader, indices: Uint32Array, mirrored: Uint8Array, size, blend)
static napi_value beginBatch(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 5);
    BatchRequest request;
    request.indices = toVector<uint32_t>(env, args[1], napi_uint32_array, "indices", "Uint32Array");
    request.mirrored = toVector<uint8_t>(env, args[2], napi_uint8_array, "mirrored", "Uint8Array");
    request.size = toInt(env, args[3], "size");
    request.blend = static_cast<float>(toNumber(env, args[4], "blend"));
    toLoader(env, args[0]).begin(std::move(request));
    return undefined(env);
  });
}

/// finishBatch(loader): the tensor.
static napi_value finishBatch(napi_env env, napi_callback_info info) {
  return guard(env, [&] { return fromTensor(env, toLoader(env, arguments(env, info, 1)[0]).finish()); });
}

/// freeBatchLoader(loader): ends its thread. True if it was alive.
static napi_value freeBatchLoader(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    return fromBool(env, state(env).loaders.remove(toHandle(env, arguments(env, info, 1)[0], "loader")));
  });
}

const std::vector<Export> batchExports = {
    {"batchLoader", batchLoader},
    {"beginBatch", beginBatch},
    {"finishBatch", finishBatch},
    {"freeBatchLoader", freeBatchLoader},
};

}  // namespace pioneer
