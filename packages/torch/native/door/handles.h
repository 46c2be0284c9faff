// Handles: how JavaScript holds objects of libtorch.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

namespace pioneer {

/// JavaScript holds tensors and generators as numbers whose 64 bits are: 12 of `kTag`, 28 of generation, 24 of slot.
/// A number that was never handed out, or whose object was freed, misses its generation and is refused, so no value
/// from JavaScript can reach a wrong or dead object. The tag makes handles odd numbers near 1e295, which nobody passes
/// by accident, and tells the tables apart.
template <typename T, uint64_t kTag>
class HandleTable {
 public:
  double add(T value) {
    uint32_t slot;
    if (free_.empty()) {
      if (slots_.size() >= kSlots) throw std::runtime_error("too many live handles; dispose tensors or use scope()");
      slot = static_cast<uint32_t>(slots_.size());
      slots_.push_back({std::move(value), 1});
    } else {
      slot = free_.back();
      free_.pop_back();
      slots_[slot].value = std::move(value);
    }
    live_++;
    uint64_t bits = kTag << 52 | slots_[slot].generation * kSlots | slot;
    double id;
    memcpy(&id, &bits, sizeof id);
    return id;
  }

  T* find(double id) {
    Slot* slot = slotOf(id);
    return slot ? &slot->value : nullptr;
  }

  bool remove(double id) {
    Slot* slot = slotOf(id);
    if (!slot) return false;
    live_--;
    // A slot whose generations are used up retires; reusing a number could reach a wrong object.
    if (++slot->generation < kGenerations) free_.push_back(static_cast<uint32_t>(slot - slots_.data()));
    slot->value = T();
    return true;
  }

  size_t live() const { return live_; }

  /// Whether a number looks like a handle of this table.
  static bool tagged(double id) {
    uint64_t bits;
    memcpy(&bits, &id, sizeof bits);
    return bits >> 52 == kTag;
  }

 private:
  static constexpr uint64_t kSlots = 1 << 24;
  static constexpr uint64_t kGenerations = 1 << 28;
  struct Slot {
    T value;
    uint64_t generation;
  };

  Slot* slotOf(double id) {
    uint64_t bits;
    memcpy(&bits, &id, sizeof bits);
    uint64_t slot = bits % kSlots;
    if (!tagged(id) || slot >= slots_.size()) return nullptr;
    Slot& found = slots_[slot];
    return found.generation == bits / kSlots % kGenerations && found.value.defined() ? &found : nullptr;
  }

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t live_ = 0;
};

}  // namespace pioneer
