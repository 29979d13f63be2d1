#include "bench/oracle/oracle.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <queue>
#include <tuple>
#include <unordered_map>

#include "bench/oracle/plan_blocks.h"
#include "impl/base/check.h"
#include "impl/env/sim/sim_env.h"
#include "impl/router/router_core.h"
#include "loadgen/worker/service_settings.h"

namespace prefixmesh::bench {
namespace {

using Blocks = std::vector<NodeId>;

// Workers that are always there.
class Workers final : public WorkerTransport {
 public:
  Workers(const std::vector<std::string>& models, std::uint64_t slots) : models_(models), slots_(slots) {}
  void CheckHealth(WorkerIndex, Incarnation, Answer answer) override {
    answer(HealthReply{Incarnation{1}, models_, slots_});
  }

 private:
  const std::vector<std::string>& models_;
  const std::uint64_t slots_;
};

std::vector<load::ServiceModel> WorkersOf(const load::Settings& settings) {
  std::vector<load::ServiceModel> workers;
  for (const load::ServiceOptions& service : load::ServicesOf(settings.workers)) workers.emplace_back(service);
  return workers;
}

// Every router's ties are broken from one sequence.
class Ties final : public Random {
 public:
  explicit Ties(Prng& prng) : prng_(prng) {}
  std::uint64_t Next() override { return prng_.Next(); }

 private:
  Prng& prng_;
};

// A placement on its way to a peer.
struct Delivery {
  Time due;
  std::uint64_t order;
  std::size_t peer;
  std::uint16_t model;
  WorkerIndex worker;
  std::shared_ptr<const Blocks> blocks;
  bool operator>(const Delivery& other) const { return std::tie(due, order) > std::tie(other.due, other.order); }
};

struct Asked {
  std::uint32_t prompt_bytes = 0;
  bool counted = false;
  std::size_t router = 0;
};

// A router without sync: what peers learn of it is the model's (Visibility). Its peers are all others, in order.
RouterCoreOptions RouterOf(const load::Settings& settings, std::size_t routers) {
  RouterCoreOptions options;
  options.name = "oracle";
  for (std::size_t i = 0; i < settings.workers.count; ++i) options.workers.push_back("w" + std::to_string(i));
  for (std::size_t i = 1; i < routers; ++i) options.peers.push_back("r" + std::to_string(i));
  options.trees.budget_bytes = static_cast<std::uint64_t>(settings.index.budget_mib * 1048576);
  options.trees.hash.text_block_bytes = static_cast<std::uint32_t>(settings.index_block_bytes());
  options.trees.hash.tokens_block_tokens = static_cast<std::uint32_t>(settings.index_block_bytes() / kBytesPerToken);
  options.policy = settings.route;
  options.prompt_bytes_max = UINT64_MAX;
  return options;
}

class Model {
 public:
  Model(const load::Plan& plan, const load::Settings& settings, const OracleRouters& routers)
      : plan_(plan),
        routers_(routers),
        index_blocks_(plan, settings.index_block_bytes()),
        worker_blocks_(plan, settings.worker_block_bytes()),
        same_blocks_(settings.index_block_bytes() == settings.worker_block_bytes()),
        worker_block_bytes_(settings.worker_block_bytes()),
        loads_are_shared_(routers.count > 1 && routers.visibility.ever()),
        transport_(plan.models(), settings.workers.concurrency),
        workers_(WorkersOf(settings)),
        requests_of_(workers_.size(), 0) {
    for (std::size_t i = 0; i < routers.count; ++i) {
      cores_.push_back(std::make_unique<RouterCore>(RouterOf(settings, routers.count),
                                                    RouterEnv{clock_, executor_, ties_, ties_, transport_}));
      cores_.back()->Start(nullptr, FrameForm::kPlain);
    }
    world_.RunUntil(Time{0});  // the routers know their workers
  }

  void Serve(const load::PlannedRequest& request, bool counted) {
    const Time now(request.intended_ns);
    world_.RunUntil(now);  // what the routers do in time: what was chosen lately grows old
    Advance(now);
    Deliver(now);
    const std::size_t router = cores_.size() == 1 ? 0 : request.router;
    index_blocks_.Of(request, blocks_);
    const RouteRequest route{plan_.models()[request.model], plan_.kind(), &index_blocks_.prompt()};
    const WorkerIndex worker = (*cores_[router]->DecideBlocks(route, blocks_, false)).worker;
    ShareLoad(router, worker);
    Announce(now, router, request.model, worker);
    Blocks chain = blocks_;
    if (!same_blocks_) worker_blocks_.Of(request, chain);
    asked_.emplace(++ticket_, Asked{request.prompt_bytes, counted, router});
    requests_of_[worker.value] += counted;
    workers_[worker.value].Arrive(now, ticket_, std::move(chain));
  }

  OracleResult Finish() {
    Advance(Time::max());
    double sum = 0, squares = 0;
    for (const std::uint64_t count : requests_of_) sum += static_cast<double>(count);
    const double mean = sum / static_cast<double>(requests_of_.size());
    for (const std::uint64_t count : requests_of_)
      squares += (static_cast<double>(count) - mean) * (static_cast<double>(count) - mean);
    if (mean > 0) result_.load_cov = std::sqrt(squares / static_cast<double>(requests_of_.size())) / mean;
    return result_;
  }

 private:
  void Advance(Time now) {
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
      events_.clear();
      workers_[worker].Advance(now, events_);
      for (const load::ServiceEvent& event : events_) {
        const Asked& request = asked_.at(event.ticket);
        if (event.type == load::ServiceEvent::Type::kFinished) {
          const WorkerIndex served{static_cast<std::uint16_t>(worker)};
          cores_[request.router]->Finish(served, Forwarded::kServed);
          ShareLoad(request.router, served);
          asked_.erase(event.ticket);
        } else if (request.counted) {
          result_.cached_bytes += event.cached_blocks * worker_block_bytes_;
          result_.prompt_bytes += request.prompt_bytes;
        }
      }
    }
  }

  // At once, as two-layer nearly does.
  void ShareLoad(std::size_t router, WorkerIndex worker) {
    if (!loads_are_shared_) return;
    for (std::size_t peer = 0; peer < cores_.size(); ++peer)
      if (peer != router)
        cores_[peer]->fleet().SetPeerLoad(SimNetwork::PeerOf(peer, router), worker,
                                          cores_[router]->fleet().own_in_flight(worker));
  }

  // Every peer has a delay of its own.
  void Announce(Time now, std::size_t router, std::uint16_t model, WorkerIndex worker) {
    if (cores_.size() == 1 || !routers_.visibility.ever() || blocks_.empty()) return;
    const auto blocks = std::make_shared<const Blocks>(blocks_);
    for (std::size_t peer = 0; peer < cores_.size(); ++peer) {
      if (peer == router) continue;
      if (const std::optional<Time> delay = routers_.visibility.Draw(delays_))
        deliveries_.push({now + *delay, ++order_, peer, model, worker, blocks});
    }
  }

  void Deliver(Time now) {
    for (; !deliveries_.empty() && deliveries_.top().due <= now; deliveries_.pop()) {
      const Delivery& next = deliveries_.top();
      const auto scope = cores_[next.peer]->trees().Find(plan_.models()[next.model], plan_.kind());
      scope->tree->Insert({plan_.kind(), nullptr, *next.blocks, scope->slot}, next.worker);
    }
  }

  const load::Plan& plan_;
  const OracleRouters& routers_;
  PlanBlocks index_blocks_, worker_blocks_;
  const bool same_blocks_;  // and so their ids
  const std::uint64_t worker_block_bytes_;
  const bool loads_are_shared_;
  SimWorld world_;
  SimClock clock_{world_, Time{0}, 1};
  SimExecutor executor_{world_, clock_};
  Prng bits_ = Prng::ForPurpose(plan_.seed(), "oracle"), delays_ = Prng::ForPurpose(plan_.seed(), "oracle delays");
  Ties ties_{bits_};
  Workers transport_;
  std::vector<load::ServiceModel> workers_;
  std::vector<std::unique_ptr<RouterCore>> cores_;

  std::uint64_t ticket_ = 0, order_ = 0;
  std::unordered_map<std::uint64_t, Asked> asked_;  // by ticket
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> deliveries_;
  std::vector<std::uint64_t> requests_of_;  // counted ones, by worker
  OracleResult result_;
  std::vector<load::ServiceEvent> events_;
  Blocks blocks_;
};

}  // namespace

Visibility::Visibility(const load::Histogram& delays_us, std::uint64_t never) {
  std::uint64_t seen = 0;
  for (const load::Histogram::Bucket& bucket : delays_us.Buckets()) {
    seen += bucket.count;
    delays_.push_back({seen, std::chrono::microseconds(bucket.high)});
  }
  all_ = seen + never;
}

std::optional<Time> Visibility::Draw(Prng& prng) const {
  if (!ever()) return std::nullopt;
  const std::uint64_t drawn = prng.Below(all_);
  const auto at = std::upper_bound(delays_.begin(), delays_.end(), drawn,
                                   [](std::uint64_t value, const Delay& each) { return value < each.up_to; });
  return at != delays_.end() ? std::optional(at->delay) : std::nullopt;
}

std::optional<double> OracleResult::cached_share() const {
  if (prompt_bytes == 0) return std::nullopt;
  return static_cast<double>(cached_bytes) / static_cast<double>(prompt_bytes);
}

OracleResult RunOracle(const load::Plan& plan, const load::Settings& settings,
                       std::span<const load::RequestRecord> records, const OracleRouters& routers) {
  PREFIXMESH_CHECK(records.size() == plan.requests().size());
  PREFIXMESH_CHECK(routers.count == 1 || routers.count == settings.routers.count);
  Model model(plan, settings, routers);
  for (std::size_t i = 0; i < records.size(); ++i)
    model.Serve(plan.requests()[i], Counts(plan.requests()[i], records[i]));
  return model.Finish();
}

}  // namespace prefixmesh::bench
