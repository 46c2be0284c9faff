// CUDA's execution model on one thread of the processor, as far as native/kernels uses it: the threads of a block are
// fibers that run until they wait for each other. The test runs them in both orders: a kernel that forgets to
// synchronise gives another result in one of them.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#define __global__
#define __device__
#define __shared__
#define __grid_constant__

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace pioneer::serial {

/// Whether the highest thread of a block goes first.
inline bool backwards = false;

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[kStack]};
  dim3 thread;
  unsigned rank = 0;
  int blockWaits = 0, warpWaits = 0;  // how often it waited for its block, for its warp
  bool done = false;
  alignas(8) char offered[8];  // to the others of its warp
  static constexpr size_t kStack = 64 << 10;
};

inline dim3 grid, block, index;
inline std::vector<Fiber> fibers;
inline Fiber* running = nullptr;
inline ucontext_t scheduler;
inline std::function<void()> body;

inline void yield() { swapcontext(&running->context, &scheduler); }

using Waits = int Fiber::*;

/// Waits until all of [begin, end) have waited as often. One that ended before can never come: CUDA forbids that too.
inline void meet(Waits waits, size_t begin, size_t end) {
  int mine = ++(running->*waits);
  for (size_t i = begin; i < end; i++) {
    while (fibers[i].*waits < mine) {
      if (fibers[i].done) std::abort();
      yield();
    }
  }
}

inline void enter() {
  body();
  running->done = true;
  yield();
}

/// Runs all threads of the present block, each as far as it comes, again and again.
inline void runBlock() {
  size_t count = size_t{block.x} * block.y;
  fibers.resize(std::max(fibers.size(), count));
  for (size_t i = 0; i < count; i++) {
    auto& fiber = fibers[i];
    fiber.thread = dim3(static_cast<unsigned>(i % block.x), static_cast<unsigned>(i / block.x));
    fiber.rank = static_cast<unsigned>(i);
    fiber.blockWaits = fiber.warpWaits = 0;
    fiber.done = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = Fiber::kStack;
    makecontext(&fiber.context, enter, 0);
  }
  for (size_t left = count; left > 0;) {
    left = 0;
    for (size_t i = 0; i < count; i++) {
      running = &fibers[backwards ? count - 1 - i : i];
      if (running->done) continue;
      swapcontext(&scheduler, &running->context);
      left += !running->done;
    }
  }
}

}  // namespace pioneer::serial

#define gridDim pioneer::serial::grid
#define blockDim pioneer::serial::block
#define blockIdx pioneer::serial::index
#define threadIdx pioneer::serial::running->thread

inline void __syncthreads() {
  using namespace pioneer::serial;
  meet(&Fiber::blockWaits, 0, size_t{block.x} * block.y);
}

template <typename T>
T __shfl_xor_sync(unsigned, T value, int lanes) {
  using namespace pioneer::serial;
  size_t rank = running->rank, warp = rank / 32 * 32;
  std::memcpy(running->offered, &value, sizeof(T));
  meet(&Fiber::warpWaits, warp, warp + 32);
  std::memcpy(&value, fibers[rank ^ static_cast<size_t>(lanes)].offered, sizeof(T));
  meet(&Fiber::warpWaits, warp, warp + 32);  // nobody offers anew before all have read
  return value;
}

namespace pioneer::cuda {

/// The shared memory of the present block: what kernels declare as extern.
alignas(16) inline float gathered[(48 << 10) / sizeof(float)];

template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared, Arguments... arguments) {
  TORCH_CHECK(shared <= sizeof(gathered) && block.x * block.y <= 1024 && block.x * block.y % 32 == 0 && grid.y <= 65535,
              "no device takes such a launch");
  serial::grid = grid;
  serial::block = block;
  serial::body = [=] { kernel(static_cast<Parameters>(arguments)...); };
  for (unsigned y = 0; y < grid.y; y++) {
    for (unsigned x = 0; x < grid.x; x++) {
      serial::index = dim3(x, y);
      // What an earlier block left is no more to be relied on than on a device.
      std::memset(gathered, 0xff, sizeof(gathered));
      serial::runBlock();
    }
  }
}

}  // namespace pioneer::cuda
