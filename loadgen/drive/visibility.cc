#include "loadgen/drive/visibility.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <queue>
#include <thread>
#include <unordered_map>

#include "impl/base/mutex.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "loadgen/clock/process.h"
#include "loadgen/drive/channels.h"
#include "loadgen/drive/wire.h"

namespace prefixmesh::load {
namespace {

constexpr char kProbe[] = "/prefixmesh.v1.Router/Probe";
constexpr char kProbeOpen[] = "/prefixmesh.v1.Router/ProbeOpen";
constexpr Time kOpenLead = std::chrono::milliseconds(250);
constexpr Time kFastEvery = std::chrono::microseconds(500);
constexpr Time kFastSpan = std::chrono::milliseconds(100);
constexpr Time kSlowEvery = std::chrono::milliseconds(10);
constexpr Time kSpan = std::chrono::seconds(5);
constexpr auto kCallTimeout = std::chrono::seconds(5);

// One (request, other router).
struct Pair {
  enum class State { kWaiting, kPolling, kVisible, kAlreadyFull, kNever, kNotLearned, kFailed };
  State state = State::kWaiting;
  std::uint32_t index = 0;
  std::uint16_t peer = 0;
  bool opened = false;    // the handle has arrived
  bool measured = false;  // the answer to the first Probe has
  bool routed = false;
  std::uint64_t handle = 0;
  std::uint32_t prompt_blocks = 0;
  std::map<std::string, std::uint32_t> known;  // worker → depth before the send
  std::string worker;
  Time routed_at{0};
  std::int64_t visible_ns = 0;
  bool ended() const { return state != State::kWaiting && state != State::kPolling; }
};

struct BodyCall {
  grpc::ClientContext context;
  grpc::ByteBuffer body, reply;
};
struct PollCall {
  grpc::ClientContext context;
  v1::ProbePollRequest request;
  v1::ProbePollReply reply;
};
struct CloseCall {
  grpc::ClientContext context;
  v1::ProbeHandle request;
  v1::Empty reply;
};

class Prober final : public VisibilityProber {
 public:
  Prober(const Plan& plan, const Settings& settings, const std::vector<RouterAddress>& routers,
         const std::vector<std::shared_ptr<grpc::Channel>>& channels)
      : plan_(plan), sampled_(SampleVisibility(plan, settings.probe.visibility_share)) {
    for (const auto& channel : channels) {
      generic_.push_back(std::make_unique<grpc::GenericStub>(channel));
      stubs_.push_back(v1::Router::NewStub(channel));
    }
    for (std::size_t sample = 0; sample < sampled_.size(); ++sample) {
      const std::uint32_t index = sampled_[sample];
      samples_.emplace(index, sample);
      first_pair_.push_back(pairs_.size());
      for (std::size_t peer = 0; peer < routers.size(); ++peer) {
        if (peer == plan.requests()[index].router || routers[peer].late) continue;
        if (peer + 1 == routers.size() && plan.stopped()) {  // it cannot answer
          const Time at(plan.requests()[index].intended_ns);
          if (plan.stopped()->Meets(at - kOpenLead - Plan::kStopMargin, at + kSpan)) continue;
        }
        Pair& pair = pairs_.emplace_back();
        pair.index = index;
        pair.peer = static_cast<std::uint16_t>(peer);
      }
    }
    first_pair_.push_back(pairs_.size());
  }

  ~Prober() override {
    Stop();
    MutexLock lock(mutex_);
    while (calls_ > 0) changed_.Wait(mutex_);
  }

  void Start(Time epoch) override {
    epoch_ = epoch;
    thread_ = std::thread([this] { Run(); });
  }

  bool Samples(std::size_t index) const override { return samples_.count(static_cast<std::uint32_t>(index)) > 0; }

  void OnPlaced(std::size_t index, const std::string& worker, bool inserted, Time at) override {
    const auto found = samples_.find(static_cast<std::uint32_t>(index));
    if (found == samples_.end()) return;
    MutexLock lock(mutex_);
    for (std::size_t i = first_pair_[found->second]; i < first_pair_[found->second + 1]; ++i) {
      Pair& pair = pairs_[i];
      if (pair.ended() || pair.routed) continue;
      pair.routed = true;
      pair.worker = worker;
      pair.routed_at = at;
      if (!inserted) {
        End(i, Pair::State::kNotLearned);
      } else {
        MaybeBegin(i);
      }
    }
    changed_.NotifyAll();
  }

  VisibilityCounts Finish() override {
    {
      // Polls that run have at most kSpan left; nothing new can be routed.
      MutexLock lock(mutex_);
      const auto until = std::chrono::steady_clock::now() + kSpan;
      while (
          std::any_of(pairs_.begin(), pairs_.end(), [](const Pair& p) { return p.state == Pair::State::kPolling; })) {
        if (!changed_.WaitUntil(mutex_, until) && std::chrono::steady_clock::now() >= until) break;
      }
    }
    Stop();
    MutexLock lock(mutex_);
    VisibilityCounts counts;
    counts.requests = sampled_.size();
    counts.pairs = pairs_.size();
    for (const Pair& pair : pairs_) {
      switch (pair.state) {
        case Pair::State::kVisible:
          ++counts.visible;
          counts.visible_ns.push_back(pair.visible_ns);
          break;
        case Pair::State::kAlreadyFull:
          ++counts.already_full;
          break;
        case Pair::State::kNever:
        case Pair::State::kPolling:
          ++counts.never;
          break;
        case Pair::State::kFailed:
          ++counts.failed;
          break;
        case Pair::State::kWaiting:
        case Pair::State::kNotLearned:
          ++counts.not_learned;
          break;
      }
    }
    std::sort(counts.visible_ns.begin(), counts.visible_ns.end());
    return counts;
  }

 private:
  struct Due {
    Time at;
    std::size_t pair;
    bool operator>(const Due& other) const { return std::tie(at, pair) > std::tie(other.at, other.pair); }
  };

  void Stop() {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
  }

  Time SinceEpoch() const { return clock_.Now() - epoch_; }

  // Opens in plan order, polls when due.
  void Run() {
    UseMinimalTimerSlack();
    std::size_t next_open = 0;
    while (true) {
      std::size_t poll = SIZE_MAX, open = SIZE_MAX, close = SIZE_MAX;
      {
        MutexLock lock(mutex_);
        if (stopping_) return;
        const Time now = SinceEpoch();
        Time wake = Time::max();
        if (next_open < sampled_.size()) {
          wake = Time(plan_.requests()[sampled_[next_open]].intended_ns) - kOpenLead;
          if (wake <= now) open = next_open++;
        }
        if (open == SIZE_MAX && !closing_.empty()) {
          close = closing_.back();
          closing_.pop_back();
        }
        if (open == SIZE_MAX && close == SIZE_MAX && !due_.empty()) {
          if (due_.top().at <= now) {
            poll = due_.top().pair;
            due_.pop();
          } else {
            wake = std::min(wake, due_.top().at);
          }
        }
        if (open == SIZE_MAX && poll == SIZE_MAX && close == SIZE_MAX) {
          if (wake == Time::max()) {
            changed_.Wait(mutex_);
          } else {
            changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + (wake - now));
          }
          continue;
        }
      }
      if (open != SIZE_MAX) Open(open);
      if (close != SIZE_MAX) Close(close);
      if (poll != SIZE_MAX) Poll(poll);
    }
  }

  void Open(std::size_t sample) {
    Slices prompt;
    for (std::size_t i = first_pair_[sample]; i < first_pair_[sample + 1]; ++i) {
      std::uint32_t index = 0;
      std::uint16_t peer = 0;
      {
        MutexLock lock(mutex_);
        index = pairs_[i].index;
        peer = pairs_[i].peer;
        calls_ += 2;
      }
      const PlannedRequest& request = plan_.requests()[index];
      plan_.Prompt(request, prompt);
      for (const bool opening : {true, false}) {
        auto call = std::make_shared<BodyCall>();
        call->body = ProbeBody(plan_.models()[request.model], plan_.kind(), "", prompt);
        call->context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
        generic_[peer]->UnaryCall(&call->context, opening ? kProbeOpen : kProbe, {}, &call->body, &call->reply,
                                  [this, call, i, opening](const grpc::Status& status) {
                                    opening ? OnOpened(i, status, call->reply) : OnMeasured(i, status, call->reply);
                                  });
      }
    }
  }

  void OnOpened(std::size_t i, const grpc::Status& status, const grpc::ByteBuffer& buffer) {
    v1::ProbeHandle reply;
    const bool ok = status.ok() && ParseMessage(buffer, reply);
    MutexLock lock(mutex_);
    Pair& pair = pairs_[i];
    pair.opened = ok;
    pair.handle = reply.handle();
    if (pair.ended()) {
      if (ok) closing_.push_back(i);
    } else if (!ok) {
      End(i, Pair::State::kFailed);
    } else {
      MaybeBegin(i);
    }
    CallEnded();
  }

  void OnMeasured(std::size_t i, const grpc::Status& status, const grpc::ByteBuffer& buffer) {
    v1::ProbeReply reply;
    const bool ok = status.ok() && ParseMessage(buffer, reply);
    MutexLock lock(mutex_);
    Pair& pair = pairs_[i];
    if (!ok && !pair.ended()) End(i, Pair::State::kFailed);
    pair.measured = ok;
    pair.prompt_blocks = reply.prompt_blocks();
    for (const v1::WorkerDepth& depth : reply.workers()) pair.known[depth.worker()] = depth.depth_blocks();
    MaybeBegin(i);
    CallEnded();
  }

  // Polling starts when the handle, the first answer and the route are all known.
  void MaybeBegin(std::size_t i) PREFIXMESH_REQUIRES(mutex_) {
    Pair& pair = pairs_[i];
    if (pair.state != Pair::State::kWaiting || !pair.opened || !pair.measured || !pair.routed) return;
    const auto known = pair.known.find(pair.worker);
    const std::uint32_t depth = known == pair.known.end() ? 0 : known->second;
    pair.known.clear();
    if (depth >= pair.prompt_blocks) {
      End(i, Pair::State::kAlreadyFull);
      return;
    }
    pair.state = Pair::State::kPolling;
    due_.push({pair.routed_at, i});
  }

  // The handle, if there is one, is closed by the prober thread.
  void End(std::size_t i, Pair::State state) PREFIXMESH_REQUIRES(mutex_) {
    pairs_[i].state = state;
    if (pairs_[i].opened) closing_.push_back(i);
  }

  void Poll(std::size_t i) {
    auto call = std::make_shared<PollCall>();
    std::uint16_t peer = 0;
    {
      MutexLock lock(mutex_);
      call->request.set_handle(pairs_[i].handle);
      call->request.set_worker(pairs_[i].worker);
      peer = pairs_[i].peer;
      ++calls_;
    }
    call->context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    stubs_[peer]->async()->ProbePoll(&call->context, &call->request, &call->reply,
                                     [this, call, i](const grpc::Status& status) { OnPolled(i, status, call->reply); });
  }

  void OnPolled(std::size_t i, const grpc::Status& status, const v1::ProbePollReply& reply) {
    MutexLock lock(mutex_);
    Pair& pair = pairs_[i];
    const Time elapsed = SinceEpoch() - pair.routed_at;
    if (!status.ok()) {
      End(i, Pair::State::kFailed);
    } else if (reply.depth_blocks() >= reply.prompt_blocks()) {
      pair.visible_ns = std::max<std::int64_t>(elapsed.count(), 0);
      End(i, Pair::State::kVisible);
    } else if (elapsed >= kSpan) {
      End(i, Pair::State::kNever);
    } else {
      // The next point of the grid that is still ahead.
      const Time every = elapsed < kFastSpan ? kFastEvery : kSlowEvery;
      due_.push({pair.routed_at + (elapsed / every + 1) * every, i});
    }
    CallEnded();
  }

  void Close(std::size_t i) {
    auto call = std::make_shared<CloseCall>();
    std::uint16_t peer = 0;
    {
      MutexLock lock(mutex_);
      call->request.set_handle(pairs_[i].handle);
      peer = pairs_[i].peer;
      ++calls_;
    }
    call->context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    stubs_[peer]->async()->ProbeClose(&call->context, &call->request, &call->reply, [this, call](const grpc::Status&) {
      MutexLock lock(mutex_);
      CallEnded();
    });
  }

  void CallEnded() PREFIXMESH_REQUIRES(mutex_) {
    --calls_;
    changed_.NotifyAll();
  }

  const Plan& plan_;
  const RealClock clock_;
  const std::vector<std::uint32_t> sampled_;
  std::unordered_map<std::uint32_t, std::size_t> samples_;  // by request
  std::vector<std::size_t> first_pair_;                     // by sample, and the end
  std::vector<std::unique_ptr<grpc::GenericStub>> generic_;
  std::vector<std::unique_ptr<v1::Router::Stub>> stubs_;
  Time epoch_{0};
  std::thread thread_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::size_t calls_ PREFIXMESH_GUARDED_BY(mutex_) = 0;             // under way
  std::vector<std::size_t> closing_ PREFIXMESH_GUARDED_BY(mutex_);  // pairs whose handle is to be closed
  std::vector<Pair> pairs_ PREFIXMESH_GUARDED_BY(mutex_);
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<VisibilityProber>> VisibilityProber::Connect(const Plan& plan, const Settings& settings,
                                                                    const std::vector<RouterAddress>& routers,
                                                                    Time timeout) {
  const auto channels = ConnectRouters(routers, timeout);
  if (!channels.ok()) return channels.error();
  return std::unique_ptr<VisibilityProber>(std::make_unique<Prober>(plan, settings, routers, *channels));
}

}  // namespace prefixmesh::load
