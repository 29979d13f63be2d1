#include "bench/oracle/oracle.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <unordered_map>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/prng.h"
#include "impl/route/policy.h"
#include "impl/tree/block_hash.h"
#include "impl/tree/block_index.h"
#include "loadgen/worker/service_model.h"

namespace prefixmesh::bench {
namespace {

class VirtualLoads final : public LoadView {
 public:
  explicit VirtualLoads(const std::vector<load::ServiceModel>& workers) : workers_(workers) {}
  bool Healthy(WorkerIndex) const override { return true; }
  std::uint32_t Load(WorkerIndex worker) const override {
    return static_cast<std::uint32_t>(workers_[worker.value].running() + workers_[worker.value].waiting());
  }

 private:
  const std::vector<load::ServiceModel>& workers_;
};

struct Asked {
  std::uint32_t prompt_bytes = 0;
  bool counted = false;
};

}  // namespace

OracleResult RunOracle(const load::Plan& plan, const load::Settings& settings,
                       std::span<const load::RequestRecord> records) {
  PREFIXMESH_CHECK(records.size() == plan.requests().size());
  const auto block_bytes = static_cast<std::uint32_t>(settings.index_block_bytes());
  const auto worker_block_bytes = static_cast<std::uint32_t>(settings.worker_block_bytes());
  const Kind kind = plan.kind();
  // Index and workers may cut blocks of different sizes, so each hashes for itself.
  const auto hash_options = [&](std::uint32_t bytes) {
    BlockHashOptions options;
    if (kind == Kind::kText) options.text_block_bytes = bytes;
    if (kind == Kind::kTokens) options.tokens_block_tokens = bytes / static_cast<std::uint32_t>(kBytesPerToken);
    return options;
  };
  std::vector<BlockHasher> hashers, worker_hashers;
  for (const std::string& model : plan.models()) {
    hashers.emplace_back(hash_options(block_bytes), model, kind);
    worker_hashers.emplace_back(hash_options(worker_block_bytes), model, kind);
  }

  load::ServiceOptions service;
  service.concurrency = settings.workers.concurrency;
  service.prefill_per_block = Time(static_cast<std::int64_t>(settings.workers.prefill_us_per_block * 1000));
  service.decode = Time(static_cast<std::int64_t>(settings.workers.decode_ms * 1e6));
  service.cache_blocks = settings.workers.cache_blocks;
  std::vector<load::ServiceModel> workers(settings.workers.count, load::ServiceModel(service));
  std::vector<WorkerIndex> candidates;
  for (std::uint16_t i = 0; i < workers.size(); ++i) candidates.push_back(WorkerIndex{i});

  BlockIndexOptions index_options;
  index_options.budget_bytes = static_cast<std::uint64_t>(settings.index.budget_mib * 1048576);
  index_options.text_block_bytes = block_bytes;
  index_options.tokens_block_bytes = block_bytes;
  BlockIndex index(index_options);
  PolicyOptions policy;
  policy.cache_threshold = settings.route.cache_threshold;
  policy.balance_abs = static_cast<std::uint32_t>(settings.route.balance_abs);
  policy.balance_rel = settings.route.balance_rel;
  const VirtualLoads loads(workers);
  Prng chance = Prng::ForPurpose(plan.seed(), "oracle");

  std::vector<std::uint64_t> requests_of(workers.size(), 0);
  std::unordered_map<std::uint64_t, Asked> asked;
  double cached_bytes = 0, prompt_bytes = 0;
  std::vector<load::ServiceEvent> events;
  const auto advance = [&](Time now) {
    for (load::ServiceModel& worker : workers) {
      events.clear();
      worker.Advance(now, events);
      for (const load::ServiceEvent& event : events) {
        if (event.type == load::ServiceEvent::Type::kPrefillEnded) {
          const Asked& request = asked.at(event.ticket);
          if (!request.counted) continue;
          cached_bytes += static_cast<double>(event.cached_blocks) * worker_block_bytes;
          prompt_bytes += request.prompt_bytes;
        } else {
          asked.erase(event.ticket);
        }
      }
    }
  };

  Slices prompt;
  std::vector<NodeId> blocks;
  std::uint64_t ticket = 0;
  for (const load::PlannedRequest& request : plan.requests()) {
    const Time now(request.intended_ns);
    advance(now);
    plan.Prompt(request, prompt);
    hashers[request.model].Hash(prompt, blocks);
    const Insertion insertion = index.MatchAndInsert({kind, &prompt, blocks}, 0, [&](const TreeMatch& match) {
      return ChooseWorker(policy, match, candidates, loads, chance.Next()).worker;
    });
    std::vector<NodeId> chain;
    worker_hashers[request.model].Hash(prompt, chain);
    const bool counted =
        request.phase == load::Phase::kLoad && records[ticket].outcome == load::Outcome::kOk;  // ticket: its place
    asked.emplace(++ticket, Asked{request.prompt_bytes, counted});
    requests_of[insertion.worker->value] += counted;
    workers[insertion.worker->value].Arrive(now, ticket, std::move(chain));
  }
  advance(Time::max());

  OracleResult result;
  if (prompt_bytes > 0) result.cached_share = cached_bytes / prompt_bytes;
  double sum = 0, squares = 0;
  for (const std::uint64_t count : requests_of) sum += static_cast<double>(count);
  const double mean = sum / static_cast<double>(requests_of.size());
  for (const std::uint64_t count : requests_of)
    squares += (static_cast<double>(count) - mean) * (static_cast<double>(count) - mean);
  if (mean > 0) result.load_cov = std::sqrt(squares / static_cast<double>(requests_of.size())) / mean;
  return result;
}

}  // namespace prefixmesh::bench
