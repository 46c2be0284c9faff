// Which process of several is gone: what c10d does not tell. A sum that one rank never joins fails on the others with
// the address of a neighbour, or waits for hours.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pioneer {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

std::string wholeSeconds(Seconds time);

/// Each rank writes into the store, every tenth of `deadAfter`, that it lives, how many sums it has begun, whether it
/// is busy with something else, and what it failed of. A rank that waits reads the others'.
class Liveness {
 public:
  struct Limits {
    Seconds deadAfter;  // without a sign of life
    Seconds hungAfter;  // alive, and the others wait for it
  };

  Liveness(c10::intrusive_ptr<c10d::Store> store, int rank, int size, std::string name, Limits limits);
  ~Liveness();

  void beginSum() { sums_++; }
  /// While busy a rank may let the others wait.
  void setBusy(bool busy) { busy_ = busy; }

  /// Whom to blame, in a line, once it is known; "" before. Called again and again while a sum does not end.
  std::string blame();
  /// Nobody waits now.
  void rest() { isWatching_ = false; }

  /// Tells the others what this rank failed of; waits until they have heard of it, or for `deadAfter`.
  void fail(const std::string& what);

 private:
  /// What was last read of a rank, and when it last changed.
  struct Peer {
    std::string beat, name, failure;
    int64_t sums = 0;
    bool isBusy = false;
    Clock::time_point changed, moved;
  };

  void work();
  void beat();
  void read();
  bool othersFailed();

  const c10::intrusive_ptr<c10d::Store> store_;
  const int rank_, size_;
  const std::string name_;
  const Limits limits_;
  std::atomic<int64_t> sums_{0};
  std::atomic<bool> busy_{false}, isWatching_{false};
  int64_t beats_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool isEnded_ = false, isHurried_ = false;
  std::string failure_;
  std::vector<Peer> peers_;  // none while nobody waits
  Clock::time_point round_;  // when the store last answered
  bool isStoreLost_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace pioneer
