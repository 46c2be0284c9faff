// Large blocks of memory kept for the next tensors. Training takes and gives back the same ones step after step; the
// system's allocator gives large blocks back to the kernel, which then clears every page anew: a tenth of a small step.
#include "door/addon.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

namespace pioneer {
namespace {

constexpr size_t kLarge = size_t{256} << 10;  // smaller blocks are the system's
constexpr size_t kUnit = size_t{64} << 10;    // sizes are multiples of it
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kAlways = size_t{32} << 20;  // kept however little is live: enough for a convolution's own blocks

constexpr size_t roundedUp(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

/// One range of addresses, filled from below: a block lies in the lowest hole that is large enough, and holes that
/// touch become one. So blocks of all sizes share what is kept. Pages have memory from their first use on.
class Arena {
 public:
  void* take(size_t bytes) {
    size_t size = roundedUp(bytes, kUnit);
    std::lock_guard<std::mutex> lock(mutex_);
    auto hole = std::find_if(holes_.begin(), holes_.end(), [&](auto& hole) { return hole.second >= size; });
    if (hole == holes_.end()) hole = grow(size);
    auto [block, room] = *hole;
    holes_.erase(hole);
    if (room > size) holes_.emplace(block + size, room - size);
    sizes_.emplace(block, size);
    live_ += size;
    mostLive_ = std::max(mostLive_, live_);
    mostHeld_ = std::max(mostHeld_, held());
    return block;
  }

  /// False for a block that is not from here.
  bool give(void* block) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = sizes_.find(block);
    if (found == sizes_.end()) return false;
    auto [first, size] = *found;
    sizes_.erase(found);
    live_ -= size;
    addHole(static_cast<char*>(first), size);
    // Together at most half again what was ever live at once, or kAlways more than is.
    cut(roundedUp(std::max(live_ + kAlways, mostLive_ + mostLive_ / 2), kHugePage));
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
    cut(0);
    for (auto [hole, size] : holes_) madvise(hole, size, MADV_DONTNEED);
    mostLive_ = live_;
    mostHeld_ = held();
  }

 private:
  using Holes = std::map<char*, size_t>;  // by address; no two of them touch

  size_t held() const { return static_cast<size_t>(end_ - first_); }

  Holes::iterator addHole(char* at, size_t size) {
    auto next = holes_.lower_bound(at);
    if (next != holes_.end() && next->first == at + size) {
      size += next->second;
      next = holes_.erase(next);
    }
    if (next != holes_.begin()) {
      auto before = std::prev(next);
      if (before->first + before->second == at) {
        before->second += size;
        return before;
      }
    }
    return holes_.emplace_hint(next, at, size);
  }

  /// The hole at the end; holes_.end() where a block lies there.
  Holes::iterator lastHole() {
    auto last = holes_.empty() ? holes_.end() : std::prev(holes_.end());
    return last != holes_.end() && last->first + last->second == end_ ? last : holes_.end();
  }

  /// Moves the end so far that the last hole is `size` large.
  Holes::iterator grow(size_t size) {
    if (first_ == nullptr) reserve();
    auto last = lastHole();
    size_t more = size - (last == holes_.end() ? 0 : last->second);
    if (more > static_cast<size_t>(limit_ - end_) || !open(end_ + more)) {
      throw std::runtime_error("not enough memory: a block of " + std::to_string(size >> 20) + " MiB could not be had");
    }
    end_ += more;
    return addHole(end_ - more, more);
  }

  /// Addresses for as much as the machine has, or as the process may have.
  void reserve() {
    auto size = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void* reserved = MAP_FAILED;
    while (reserved == MAP_FAILED && (size /= 2) > kHugePage) {
      reserved = mmap(nullptr, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    if (reserved == MAP_FAILED) throw std::runtime_error("not enough memory: no addresses for tensors could be had");
    auto at = reinterpret_cast<uintptr_t>(reserved);
    first_ = opened_ = end_ = static_cast<char*>(reserved) + (roundedUp(at, kHugePage) - at);
    limit_ = static_cast<char*>(reserved) + 2 * size;
  }

  /// Lets addresses below `end` be used.
  bool open(char* end) {
    if (end <= opened_) return true;
    auto size = roundedUp(static_cast<size_t>(end - opened_), kHugePage);
    size = std::min(size, static_cast<size_t>(limit_ - opened_));
    if (mprotect(opened_, size, PROT_READ | PROT_WRITE) != 0) return false;
#ifdef __linux__
    madvise(opened_, size, MADV_HUGEPAGE);
#endif
    opened_ += size;
    return true;
  }

  /// Gives back what is free at the end beyond so many bytes.
  void cut(size_t most) {
    auto last = lastHole();
    if (last == holes_.end() || held() <= most) return;
    auto [hole, size] = *last;
    size_t kept = std::min(size, most - std::min(most, static_cast<size_t>(hole - first_)));
    end_ = hole + kept;
    madvise(end_, size - kept, MADV_DONTNEED);
    if (kept == 0) {
      holes_.erase(last);
    } else {
      last->second = kept;
    }
  }

  std::mutex mutex_;
  char *first_ = nullptr, *end_ = nullptr, *opened_ = nullptr, *limit_ = nullptr;
  Holes holes_;
  std::unordered_map<void*, size_t> sizes_;  // of blocks that are taken
  size_t live_ = 0, mostLive_ = 0, mostHeld_ = 0;
};

/// Never destroyed: libtorch's threads and static tensors may outlive everything else.
Arena& arena() {
  static auto* made = new Arena;
  return *made;
}

void giveBack(void* block) {
  if (!arena().give(block)) c10::free_cpu(block);
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
      void* block = arena().take(bytes);
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
  return guard(env, [&] { return fromNumber(env, static_cast<double>(arena().mostHeld())); });
}

napi_value forgetMemory(napi_env env, napi_callback_info) {
  return guard(env, [&] {
    arena().forget();
    return undefined(env);
  });
}

}  // namespace

const std::vector<Export> memoryExports = {
    {"cacheMemory", cacheMemory}, {"heldMemory", heldMemory}, {"forgetMemory", forgetMemory}};

}  // namespace pioneer
