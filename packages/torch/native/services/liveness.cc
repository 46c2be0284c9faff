#include "services/liveness.h"

#include <sstream>

namespace pioneer {

namespace {

std::string keyOf(int rank) { return "alive/" + std::to_string(rank); }

}  // namespace

std::string wholeSeconds(Seconds time) { return std::to_string(static_cast<int64_t>(time.count() + 0.5)) + " s"; }

Liveness::Liveness(c10::intrusive_ptr<c10d::Store> store, int rank, int size, std::string name, Limits limits)
    : store_(std::move(store)), rank_(rank), size_(size), name_(std::move(name)), limits_(limits) {
  round_ = Clock::now();
  thread_ = std::thread([this] { work(); });
}

Liveness::~Liveness() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    isEnded_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::string Liveness::blame() {
  std::lock_guard<std::mutex> lock(mutex_);
  isWatching_ = true;
  const auto now = Clock::now();
  if (now - round_ > limits_.deadAfter) {
    return "rank 0 no longer answers: the store of this run, which it holds, has been silent for " +
           wholeSeconds(limits_.deadAfter);
  }
  if (peers_.empty()) return "";
  for (int rank = 0; rank < size_; rank++) {
    if (rank != rank_ && !peers_[rank].failure.empty()) {
      const auto& failure = peers_[rank].failure;
      // One that failed of another rank has said of which.
      return failure.rfind("rank", 0) == 0 ? failure : "rank " + std::to_string(rank) + ": " + failure;
    }
  }
  for (int rank = 0; rank < size_; rank++) {
    const auto& peer = peers_[rank];
    if (rank == rank_) continue;
    const std::string who = "rank " + std::to_string(rank) + (peer.name.empty() ? "" : " (" + peer.name + ")");
    if (now - peer.changed > limits_.deadAfter) {
      return who + " no longer answers: no sign of life for " + wholeSeconds(limits_.deadAfter);
    }
    if (!peer.isBusy && peer.sums < sums_ && now - peer.moved > limits_.hungAfter) {
      return who + " hangs: it lives, but the others have waited for it for " + wholeSeconds(limits_.hungAfter);
    }
  }
  return "";
}

void Liveness::fail(const std::string& what) {
  std::unique_lock<std::mutex> lock(mutex_);
  failure_ = what;
  isHurried_ = isWatching_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, limits_.deadAfter, [this] { return isStoreLost_ || (!isHurried_ && othersFailed()); });
}

/// Under the lock. Whoever fails in turn has heard.
bool Liveness::othersFailed() {
  if (peers_.empty()) return size_ == 1;
  for (int rank = 0; rank < size_; rank++) {
    const auto& peer = peers_[rank];
    if (rank != rank_ && peer.failure.empty() && Clock::now() - peer.changed < limits_.deadAfter) return false;
  }
  return true;
}

void Liveness::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!isEnded_) {
    const bool hurried = isHurried_;
    lock.unlock();
    bool lost = false;
    try {
      beat();
      if (isWatching_) read();
    } catch (const std::exception&) {
      lost = true;  // blame() tells, once it lasts
    }
    lock.lock();
    if (!isWatching_) peers_.clear();
    if (!lost) round_ = Clock::now();
    isStoreLost_ = lost;
    if (hurried) isHurried_ = false;
    changed_.notify_all();
    changed_.wait_for(lock, limits_.deadAfter / 10, [this] { return isEnded_ || isHurried_; });
  }
}

/// One line: beats, sums, busy, name, failure.
void Liveness::beat() {
  std::string failure;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    failure = failure_;
  }
  std::ostringstream line;
  line << beats_++ << '\t' << sums_ << '\t' << (busy_ ? 1 : 0) << '\t' << name_ << '\t' << failure;
  const std::string text = line.str();
  store_->set(keyOf(rank_), std::vector<uint8_t>(text.begin(), text.end()));
}

void Liveness::read() {
  for (int rank = 0; rank < size_; rank++) {
    if (rank == rank_) continue;
    std::string text;
    // A get would wait for a key that is not there yet.
    if (store_->check({keyOf(rank)})) {
      const auto bytes = store_->get(keyOf(rank));
      text.assign(bytes.begin(), bytes.end());
    }
    std::lock_guard<std::mutex> lock(mutex_);
    const auto now = Clock::now();
    if (peers_.empty()) peers_.resize(size_, Peer{"", "", "", 0, false, now, now});
    auto& peer = peers_[rank];
    if (text == peer.beat) continue;
    peer.beat = text;
    peer.changed = now;
    std::istringstream line(text);
    std::string beats, sums, busy;
    std::getline(line, beats, '\t');
    std::getline(line, sums, '\t');
    std::getline(line, busy, '\t');
    std::getline(line, peer.name, '\t');
    std::getline(line, peer.failure, '\t');
    const int64_t begun = std::stoll(sums);
    if (begun != peer.sums || peer.isBusy) peer.moved = now;
    peer.sums = begun;
    peer.isBusy = busy == "1";
  }
}

}  // namespace pioneer
