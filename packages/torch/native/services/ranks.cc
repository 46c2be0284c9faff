// Several processes that train one model, each a rank: sums over all of them by libtorch's own c10d (Gloo), the
// gradients of a loss summed in buckets while backward runs, and the name of the rank that is gone.
#include "door/addon.h"

#ifdef PIONEER_GLOO
#include <netdb.h>
#include <sys/socket.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <unistd.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <functional>
#include <unordered_map>

#include "services/liveness.h"
#endif

namespace pioneer {

#ifdef PIONEER_GLOO

using Store = c10::intrusive_ptr<c10d::Store>;
using Work = c10::intrusive_ptr<c10d::Work>;

namespace {

/// Where ranks meet: a file that all of them see, or a host and port where a store listens.
struct Meeting {
  std::string file;  // empty: at host and port
  std::string host;
  uint16_t port = 0;
  bool isHost = false;  // this rank holds the store
  std::string prefix;   // keeps attempts that share one store apart
};

Store openStore(const Meeting& at, int size, bool isServer, std::chrono::milliseconds patience) {
  Store store;
  if (!at.file.empty()) {
    store = c10::make_intrusive<c10d::FileStore>(at.file, size);
  } else {
    c10d::TCPStoreOptions options;
    options.port = at.port;
    options.isServer = isServer;
    options.waitWorkers = false;
    options.timeout = patience;
    store = c10::make_intrusive<c10d::TCPStore>(at.host, options);
  }
  store->setTimeout(patience);
  return c10::make_intrusive<c10d::PrefixStore>(at.prefix, store);
}

/// The address of this machine from which packets leave for a host: where the other ranks can reach it.
std::string addressToward(const std::string& host, uint16_t port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
    throw std::runtime_error("the name " + host + " is not known");
  sockaddr_storage own{};
  socklen_t length = sizeof own;
  char text[NI_MAXHOST] = "";
  for (auto* each = found; each && !*text; each = each->ai_next) {
    const int fd = socket(each->ai_family, SOCK_DGRAM, 0);
    if (fd < 0) continue;
    auto* name = reinterpret_cast<sockaddr*>(&own);
    length = sizeof own;
    if (connect(fd, each->ai_addr, each->ai_addrlen) == 0 && getsockname(fd, name, &length) == 0)
      getnameinfo(name, length, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    close(fd);
  }
  freeaddrinfo(found);
  if (!*text) throw std::runtime_error("no way leads to " + host);
  return text;
}

std::string nameOfProcess() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return std::string(host) + ", process " + std::to_string(getpid());
}

/// c10d's own limit lies behind Liveness's.
constexpr std::chrono::hours kSumsMayTake{6};

}  // namespace

/// This process among the others.
class Ranks {
 public:
  Ranks(const Meeting& at, int rank, int size, std::chrono::milliseconds patience, Liveness::Limits limits)
      : rank_(rank), size_(size), patience_(patience), store_(openStore(at, size, at.isHost, patience)) {
    alive_ = std::make_unique<Liveness>(openStore(at, size, false, patience), rank, size, nameOfProcess(), limits);
    meet();
    auto options = c10d::ProcessGroupGloo::Options::create(kSumsMayTake);
    const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
    const std::string own = at.file.empty() && !interface ? addressToward(at.host, at.port) : "127.0.0.1";
    options->devices.push_back(interface && at.file.empty()
                                   ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                   : c10d::ProcessGroupGloo::createDeviceForHostname(own));
    group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, rank, size, options);
  }

  ~Ranks() {
    if (!isLost_ && works_.empty()) return;
    // Their destructors would wait for others that are gone.
    (void)group_.release();
    (void)alive_.release();
  }

  int size() const { return size_; }
  double secondsWaited() const { return waited_.count(); }
  Liveness& alive() { return *alive_; }

  Work sum(const at::Tensor& tensor) {
    alive_->beginSum();
    std::vector<at::Tensor> tensors{tensor};
    return group_->allreduce(tensors);
  }

  Work broadcast(const at::Tensor& tensor, int from) {
    alive_->beginSum();
    c10d::BroadcastOptions options;
    options.rootRank = from;
    std::vector<at::Tensor> tensors{tensor};
    return group_->broadcast(tensors, options);
  }

  int64_t note(Work work) {
    works_[++lastWork_] = std::move(work);
    return lastWork_;
  }

  void finish(int64_t id) {
    auto found = works_.find(id);
    if (found == works_.end()) throw std::invalid_argument("this sum is finished already");
    auto work = found->second;
    wait(*work);
    works_.erase(id);
  }

  /// Throws what the rank that is gone has done.
  void wait(c10d::Work& work) {
    const auto begun = Clock::now();
    auto lost = begun;
    for (std::string reason;;) {
      try {
        work.wait(std::chrono::milliseconds(500));
        alive_->rest();
        waited_ += Clock::now() - begun;
        return;
      } catch (const std::exception& error) {
        if (work.isCompleted() && !isLost_) {
          isLost_ = true;
          lost = Clock::now();
          reason = firstLine(error);
        }
      }
      const auto culprit = alive_->blame();
      isLost_ = isLost_ || !culprit.empty();
      if (!culprit.empty()) throw std::runtime_error(culprit);
      if (!isLost_) continue;
      // A closed connection is known at once, whose process is gone a little later.
      if (Clock::now() - lost > patience_) throw std::runtime_error("ranks lost their connection: " + reason);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

 private:
  /// Waits until all ranks are there.
  void meet() {
    const auto key = [](int rank) { return "here/" + std::to_string(rank); };
    store_->set(key(rank_), std::vector<uint8_t>{1});
    for (const auto begun = Clock::now();;) {
      std::string missing;
      for (int rank = 0; rank < size_; rank++) {
        if (!store_->check({key(rank)})) missing += (missing.empty() ? "" : ", ") + std::to_string(rank);
      }
      if (missing.empty()) return;
      if (Clock::now() - begun > patience_)
        throw std::runtime_error("ranks that did not come within " + wholeSeconds(patience_) + ": " + missing);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  const int rank_, size_;
  const std::chrono::milliseconds patience_;
  Store store_;
  std::unique_ptr<Liveness> alive_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  std::unordered_map<int64_t, Work> works_;
  int64_t lastWork_ = 0;
  Seconds waited_{0};
  bool isLost_ = false;  // for good
};

namespace {

/// Calls a function when a leaf's gradient is whole.
struct WhenWhole : torch::autograd::FunctionPostHook {
  explicit WhenWhole(std::function<void()> then) : then(std::move(then)) {}
  torch::autograd::variable_list operator()(const torch::autograd::variable_list& outputs,
                                            const torch::autograd::variable_list&) override {
    then();
    return outputs;
  }
  std::function<void()> then;
};

/// Gradients on their way: weighted, laid side by side in buckets, and summed over the ranks bucket by bucket, in one
/// order on all ranks, as soon as a bucket is whole. The last layers' come first, as backward makes them. PyTorch's
/// DistributedDataParallel does the same, with the same sizes; its Reducer wants one fixed set of parameters.
class Buckets {
 public:
  Buckets(Ranks& ranks, std::vector<at::Tensor> inputs, double weight)
      : ranks_(ranks), inputs_(std::move(inputs)), weight_(weight), places_(inputs_.size()), hooks_(inputs_.size()) {
    for (size_t i = inputs_.size(); i-- > 0;) place(i);
    for (size_t i = 0; i < inputs_.size(); i++) {
      accumulators_.push_back(torch::autograd::impl::grad_accumulator(inputs_[i]));
      hooks_[i] = accumulators_[i]->add_post_hook(std::make_unique<WhenWhole>([this, i] { take(i); }));
    }
  }

  ~Buckets() {
    for (size_t i = 0; i < inputs_.size(); i++) {
      accumulators_[i]->del_post_hook(hooks_[i]);
      inputs_[i].mutable_grad() = at::Tensor();
    }
  }

  std::vector<at::Tensor> finish() {
    if (launched_ < buckets_.size()) throw std::invalid_argument("the loss does not depend on some input");
    for (auto& bucket : buckets_) ranks_.wait(*bucket.work);
    std::vector<at::Tensor> sums;
    for (const auto& place : places_) sums.push_back(place.view);
    return sums;
  }

 private:
  struct Bucket {
    int64_t elements = 0;
    size_t missing = 0;
    at::Tensor flat;
    Work work;
  };
  struct Place {
    size_t bucket = 0;
    int64_t offset = 0;
    at::Tensor view;
  };

  void place(size_t i) {
    const auto& input = inputs_[i];
    if (!input.is_leaf() || !input.requires_grad() || input.grad().defined())
      throw std::invalid_argument("inputs must be leaves that require a gradient and have none yet");
    if (input.options().dtype() != inputs_[0].options().dtype() || input.device() != inputs_[0].device())
      throw std::invalid_argument("inputs must be of one dtype, on one device");
    const int64_t limit = (buckets_.size() < 2 ? 1 : 25) << 20;
    if (buckets_.empty() || buckets_.back().elements * static_cast<int64_t>(input.element_size()) >= limit)
      buckets_.emplace_back();
    auto& bucket = buckets_.back();
    places_[i] = {buckets_.size() - 1, bucket.elements, {}};
    bucket.elements += (input.numel() + 15) / 16 * 16;  // each begins where vectors do
    bucket.missing++;
  }

  void take(size_t i) {
    auto gradient = std::exchange(inputs_[i].mutable_grad(), at::Tensor());
    auto& place = places_[i];
    auto& bucket = buckets_[place.bucket];
    if (!bucket.flat.defined()) bucket.flat = at::zeros({bucket.elements}, gradient.options());
    if (!gradient.is_non_overlapping_and_dense()) gradient = gradient.contiguous();
    place.view = bucket.flat.as_strided(gradient.sizes(), gradient.strides(), place.offset);
    at::mul_out(place.view, gradient, at::scalar_tensor(weight_, at::kDouble));
    bucket.missing--;
    for (; launched_ < buckets_.size() && buckets_[launched_].missing == 0; launched_++)
      buckets_[launched_].work = ranks_.sum(buckets_[launched_].flat);
  }

  Ranks& ranks_;
  std::vector<at::Tensor> inputs_;
  const double weight_;
  std::vector<Place> places_;
  std::vector<Bucket> buckets_;
  std::vector<decltype(torch::autograd::impl::grad_accumulator(at::Tensor()))> accumulators_;
  std::vector<uintptr_t> hooks_;
  size_t launched_ = 0;
};

Ranks& toRanks(napi_env env, napi_value value) {
  auto* found = state(env).ranks.find(toHandle(env, value, "ranks"));
  if (!found) throw std::invalid_argument("ranks must be live Ranks");
  return *found->ranks;
}

at::Tensor toDense(napi_env env, napi_value value) {
  auto& tensor = toTensor(env, value, "tensor");
  if (!tensor.is_contiguous()) throw std::invalid_argument("only contiguous tensors can be summed");
  return tensor.detach();
}

}  // namespace

/// joinRanks(rank, size, file, host, port, isHost, prefix, patience, deadAfter, hungAfter): waits for all; seconds.
static napi_value joinRanks(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 10);
    const int size = static_cast<int>(toInt(env, args[1], "size", 1, 65536));
    const int rank = static_cast<int>(toInt(env, args[0], "rank", 0, size - 1));
    Meeting at;
    at.file = toString(env, args[2], "file");
    at.host = toString(env, args[3], "host");
    at.port = static_cast<uint16_t>(toInt(env, args[4], "port", 0, 65535));
    at.isHost = toBool(env, args[5], "isHost");
    at.prefix = toString(env, args[6], "prefix");
    const auto patience =
        std::chrono::duration_cast<std::chrono::milliseconds>(Seconds(toNumber(env, args[7], "patience")));
    Liveness::Limits limits{Seconds(toNumber(env, args[8], "deadAfter")), Seconds(toNumber(env, args[9], "hungAfter"))};
    return fromNumber(env, state(env).ranks.add({std::make_shared<Ranks>(at, rank, size, patience, limits)}));
  });
}

/// leaveRanks(ranks): true if it was alive.
static napi_value leaveRanks(napi_env env, napi_callback_info info) {
  return guard(
      env, [&] { return fromBool(env, state(env).ranks.remove(toHandle(env, arguments(env, info, 1)[0], "ranks"))); });
}

/// beginSum(ranks, tensor): in place; a number for finishSum.
static napi_value beginSum(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    auto& ranks = toRanks(env, args[0]);
    return fromNumber(env, static_cast<double>(ranks.note(ranks.sum(toDense(env, args[1])))));
  });
}

/// finishSum(ranks, work)
static napi_value finishSum(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    toRanks(env, args[0]).finish(toInt(env, args[1], "work"));
    return undefined(env);
  });
}

/// broadcastFrom(ranks, tensor, rank): in place.
static napi_value broadcastFrom(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 3);
    auto& ranks = toRanks(env, args[0]);
    auto work =
        ranks.broadcast(toDense(env, args[1]), static_cast<int>(toInt(env, args[2], "rank", 0, ranks.size() - 1)));
    ranks.wait(*work);
    return undefined(env);
  });
}

/// gradientsOverRanks(ranks, output, inputs, weight): the sum over ranks of weight times the gradients of each.
static napi_value gradientsOverRanks(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 4);
    auto inputs = toTensors(env, args[2], "inputs");
    if (inputs.empty()) throw std::invalid_argument("at least one input is needed");
    Buckets buckets(toRanks(env, args[0]), inputs, toNumber(env, args[3], "weight"));
    torch::autograd::backward({toTensor(env, args[1], "output")}, {}, false, false, inputs);
    return fromTensors(env, buckets.finish());
  });
}

/// secondsWaited(ranks): for the others, since it joined them.
static napi_value secondsWaited(napi_env env, napi_callback_info info) {
  return guard(env, [&] { return fromNumber(env, toRanks(env, arguments(env, info, 1)[0]).secondsWaited()); });
}

/// setRankBusy(ranks, isBusy)
static napi_value setRankBusy(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    toRanks(env, args[0]).alive().setBusy(toBool(env, args[1], "isBusy"));
    return undefined(env);
  });
}

/// failRank(ranks, what)
static napi_value failRank(napi_env env, napi_callback_info info) {
  return guard(env, [&] {
    auto args = arguments(env, info, 2);
    toRanks(env, args[0]).alive().fail(toString(env, args[1], "what"));
    return undefined(env);
  });
}

const std::vector<Export> rankExports = {
    {"joinRanks", joinRanks},     {"leaveRanks", leaveRanks},       {"beginSum", beginSum},
    {"finishSum", finishSum},     {"broadcastFrom", broadcastFrom}, {"gradientsOverRanks", gradientsOverRanks},
    {"setRankBusy", setRankBusy}, {"failRank", failRank},           {"secondsWaited", secondsWaited},
};

#else

class Ranks {};
const std::vector<Export> rankExports = {};

#endif

}  // namespace pioneer
