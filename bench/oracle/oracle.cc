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
#include "impl/route/policy.h"
#include "impl/tree/block_index.h"
#include "loadgen/worker/service_model.h"

namespace prefixmesh::bench {
namespace {

using Blocks = std::vector<NodeId>;

class InFlight final : public LoadView {
 public:
  explicit InFlight(std::size_t workers) : requests_(workers, 0) {}
  bool Healthy(WorkerIndex) const override { return true; }
  std::uint32_t Load(WorkerIndex worker) const override { return requests_[worker.value]; }
  void Add(std::size_t worker, int change) { requests_[worker] += static_cast<std::uint32_t>(change); }

 private:
  std::vector<std::uint32_t> requests_;
};

// A placement on its way to a peer.
struct Delivery {
  Time due;
  std::uint64_t order;
  std::size_t peer;
  WorkerIndex worker;
  std::shared_ptr<const Blocks> blocks;
  bool operator>(const Delivery& other) const { return std::tie(due, order) > std::tie(other.due, other.order); }
};

struct Asked {
  std::uint32_t prompt_bytes = 0;
  bool counted = false;
  std::size_t seen_by = 0;  // whose load it is
};

load::ServiceOptions ServiceOf(const load::Settings& settings) {
  load::ServiceOptions service;
  service.concurrency = settings.workers.concurrency;
  service.prefill_per_block = Time(static_cast<std::int64_t>(settings.workers.prefill_us_per_block * 1000));
  service.decode = Time(static_cast<std::int64_t>(settings.workers.decode_ms * 1e6));
  service.cache_blocks = settings.workers.cache_blocks;
  return service;
}

BlockIndexOptions IndexOf(const load::Settings& settings) {
  BlockIndexOptions options;
  options.budget_bytes = static_cast<std::uint64_t>(settings.index.budget_mib * 1048576);
  options.text_block_bytes = static_cast<std::uint32_t>(settings.index_block_bytes());
  options.tokens_block_bytes = options.text_block_bytes;
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
        policy_{settings.route.cache_threshold, static_cast<std::uint32_t>(settings.route.balance_abs),
                settings.route.balance_rel},
        workers_(settings.workers.count, load::ServiceModel(ServiceOf(settings))),
        requests_of_(workers_.size(), 0) {
    for (std::uint16_t i = 0; i < workers_.size(); ++i) candidates_.push_back(WorkerIndex{i});
    for (std::size_t i = 0; i < routers.count; ++i) indexes_.push_back(std::make_unique<BlockIndex>(IndexOf(settings)));
    const bool loads_are_shared = routers.count == 1 || routers.visibility.ever();
    loads_.assign(loads_are_shared ? 1 : routers.count, InFlight(workers_.size()));
  }

  void Serve(const load::PlannedRequest& request, bool counted) {
    const Time now(request.intended_ns);
    Advance(now);
    Deliver(now);
    const std::size_t router = indexes_.size() == 1 ? 0 : request.router;
    const std::size_t seen_by = loads_.size() == 1 ? 0 : router;
    index_blocks_.Of(request, blocks_);
    const Insertion insertion =
        indexes_[router]->MatchAndInsert({plan_.kind(), nullptr, blocks_}, 0, [&](const TreeMatch& match) {
          return ChooseWorker(policy_, match, candidates_, loads_[seen_by], chance_.Next()).worker;
        });
    const WorkerIndex worker = *insertion.worker;
    Announce(now, router, worker);
    Blocks chain = blocks_;
    if (!same_blocks_) worker_blocks_.Of(request, chain);
    asked_.emplace(++ticket_, Asked{request.prompt_bytes, counted, seen_by});
    loads_[seen_by].Add(worker.value, +1);
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
          loads_[request.seen_by].Add(worker, -1);
          asked_.erase(event.ticket);
        } else if (request.counted) {
          result_.cached_bytes += event.cached_blocks * worker_block_bytes_;
          result_.prompt_bytes += request.prompt_bytes;
        }
      }
    }
  }

  // Every peer has a delay of its own.
  void Announce(Time now, std::size_t router, WorkerIndex worker) {
    if (indexes_.size() == 1 || !routers_.visibility.ever() || blocks_.empty()) return;
    const auto blocks = std::make_shared<const Blocks>(blocks_);
    for (std::size_t peer = 0; peer < indexes_.size(); ++peer) {
      if (peer == router) continue;
      if (const std::optional<Time> delay = routers_.visibility.Draw(delays_))
        deliveries_.push({now + *delay, ++order_, peer, worker, blocks});
    }
  }

  void Deliver(Time now) {
    for (; !deliveries_.empty() && deliveries_.top().due <= now; deliveries_.pop()) {
      const Delivery& next = deliveries_.top();
      indexes_[next.peer]->Insert({plan_.kind(), nullptr, *next.blocks}, next.worker, 0);
    }
  }

  const load::Plan& plan_;
  const OracleRouters& routers_;
  PlanBlocks index_blocks_, worker_blocks_;
  const bool same_blocks_;  // and so their ids
  const std::uint64_t worker_block_bytes_;
  const PolicyOptions policy_;
  std::vector<load::ServiceModel> workers_;
  std::vector<WorkerIndex> candidates_;
  std::vector<std::unique_ptr<BlockIndex>> indexes_;  // by router
  std::vector<InFlight> loads_;                       // by router, or one for all
  Prng chance_ = Prng::ForPurpose(plan_.seed(), "oracle"), delays_ = Prng::ForPurpose(plan_.seed(), "oracle delays");

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
