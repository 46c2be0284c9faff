// Large blocks of memory kept for the next tensor of their size. Training asks for the same sizes step after step; the
// system's allocator gives large blocks back to the kernel, which then clears every page anew: a tenth of a small step.
#include "door/addon.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace pioneer {
namespace {

constexpr size_t kLarge = size_t{256} << 10;  // smaller blocks are the system's
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kAlways = size_t{32} << 20;  // kept however little is live: enough for a convolution's own blocks

class BlockCache {
 public:
  void* take(size_t bytes) {
    size_t size = rounded(bytes);
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = free_.find(size);
    void* block;
    if (found != free_.end()) {
      block = found->second;
      free_.erase(found);
      cached_ -= size;
    } else {
      shrink(room(live_ + size));
      block = fresh(size);
    }
    sizes_[block] = size;
    live_ += size;
    mostLive_ = std::max(mostLive_, live_);
    mostHeld_ = std::max(mostHeld_, live_ + cached_);
    return block;
  }

  /// False for a block that is not from here.
  bool give(void* block) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = sizes_.find(block);
    if (found == sizes_.end()) return false;
    size_t size = found->second;
    sizes_.erase(found);
    live_ -= size;
    free_.emplace(size, block);
    cached_ += size;
    shrink(room(live_));
    return true;
  }

  /// Of tensors and kept blocks together, at most since forget().
  size_t mostHeld() {
    std::lock_guard<std::mutex> lock(mutex_);
    return mostHeld_;
  }

  /// Gives back what is kept; what was live before no longer counts.
  void forget() {
    std::lock_guard<std::mutex> lock(mutex_);
    shrink(0);
    mostLive_ = mostHeld_ = live_;
  }

 private:
  static size_t rounded(size_t bytes) {
    size_t unit = bytes >= 4 * kHugePage ? kHugePage : size_t{64} << 10;
    return (bytes + unit - 1) / unit * unit;
  }

  static void* fresh(size_t size) {
    void* block = nullptr;
    if (posix_memalign(&block, size >= kHugePage ? kHugePage : 64, size) != 0) {
      throw std::runtime_error("not enough memory: a block of " + std::to_string(size >> 20) + " MiB could not be had");
    }
#ifdef __linux__
    if (size >= kHugePage) madvise(block, size, MADV_HUGEPAGE);
#endif
    return block;
  }

  /// What may be kept beside so much that is live: together at most half again what was ever live at once, or kAlways.
  size_t room(size_t live) const {
    size_t most = std::max(mostLive_, live), together = most + most / 2;
    return std::max(kAlways, together - live);
  }

  /// Frees kept blocks, the largest first, until at most `limit` bytes are kept.
  void shrink(size_t limit) {
    while (cached_ > limit) {
      auto last = std::prev(free_.end());
      cached_ -= last->first;
      free(last->second);
      free_.erase(last);
    }
  }

  std::mutex mutex_;
  std::multimap<size_t, void*> free_;
  std::unordered_map<void*, size_t> sizes_;
  size_t live_ = 0, mostLive_ = 0, mostHeld_ = 0, cached_ = 0;
};

/// Never destroyed: libtorch's threads and static tensors may outlive everything else.
BlockCache& cache() {
  static auto* made = new BlockCache;
  return *made;
}

void giveBack(void* block) {
  if (!cache().give(block)) c10::free_cpu(block);
}

/// `allocate` is const before libtorch 2.3 and not after; `copy_data` is new in 2.2. Of each pair one overrides.
class CachingAllocator final : public at::Allocator {
 public:
  at::DataPtr allocate(size_t bytes) const { return make(bytes); }
  at::DataPtr allocate(size_t bytes) { return make(bytes); }
  at::DeleterFnPtr raw_deleter() const override { return &giveBack; }
  void copy_data(void* to, const void* from, size_t count) const { memcpy(to, from, count); }

 private:
  static at::DataPtr make(size_t bytes) {
    at::Device cpu(at::DeviceType::CPU);
    if (bytes >= kLarge) {
      void* block = cache().take(bytes);
      return {block, block, &giveBack, cpu};
    }
    void* block = bytes == 0 ? nullptr : c10::alloc_cpu(bytes);
    return {block, block, &c10::free_cpu, cpu};
  }
};

/// cacheMemory(): from now on, in this process.
napi_value cacheMemory(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    static CachingAllocator allocator;
    c10::SetCPUAllocator(&allocator, 1);
    return undefined(env);
  });
}

/// heldMemory(): bytes of large blocks, of tensors and kept, at most since forgetMemory(); 0 without cacheMemory().
napi_value heldMemory(napi_env env, napi_callback_info) {
  return guard(env, [&] { return fromNumber(env, static_cast<double>(cache().mostHeld())); });
}

napi_value forgetMemory(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    cache().forget();
    return undefined(env);
  });
}

}  // namespace

const std::vector<Export> memoryExports = {
    {"cacheMemory", cacheMemory}, {"heldMemory", heldMemory}, {"forgetMemory", forgetMemory}};

}  // namespace pioneer
