#include "bench/oracle/ladder.h"

#include "bench/oracle/plan_blocks.h"
#include "impl/base/check.h"
#include "impl/tree/block_index.h"
#include "loadgen/worker/kv_cache.h"

namespace prefixmesh::bench {
namespace {

std::optional<std::int64_t> Difference(const std::optional<std::uint64_t>& a, const std::optional<std::uint64_t>& b) {
  if (!a || !b) return std::nullopt;
  return static_cast<std::int64_t>(*a) - static_cast<std::int64_t>(*b);
}

// An index of one worker that forgets nothing is a cache without limit, at 4 bytes a block.
BlockIndexOptions Unlimited(std::uint64_t block_bytes) {
  BlockIndexOptions options;
  options.budget_bytes = std::uint64_t{1} << 62;
  options.text_block_bytes = static_cast<std::uint32_t>(block_bytes);
  options.tokens_block_bytes = options.text_block_bytes;
  return options;
}

// C0 and C1, and C4 beside them.
void ServeCaches(const load::Plan& plan, const load::Settings& settings, std::span<const load::RequestRecord> records,
                 Ladder& ladder) {
  const std::uint64_t block_bytes = settings.worker_block_bytes();
  PlanBlocks blocks_of(plan, block_bytes);
  BlockIndex unlimited(Unlimited(block_bytes));
  load::KvCache lru(settings.workers.count * settings.workers.cache_blocks);
  std::uint64_t in_unlimited = 0, in_lru = 0, in_run = 0;
  std::vector<NodeId> blocks;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const load::PlannedRequest& request = plan.requests()[i];
    blocks_of.Of(request, blocks);
    const Insertion insertion = unlimited.MatchAndInsert(
        {plan.kind(), nullptr, blocks}, [](const TreeMatch&) { return std::optional(WorkerIndex{0}); });
    const std::uint64_t in_lru_now = lru.Match(blocks) * block_bytes;
    lru.Insert(blocks);
    if (!Counts(request, records[i])) continue;
    ladder.prompt_bytes += request.prompt_bytes;
    in_unlimited += insertion.matched_bytes;
    in_lru += in_lru_now;
    in_run += records[i].cached_bytes;
  }
  ladder.cached_bytes = {in_unlimited, in_lru, std::nullopt, std::nullopt, in_run};
}

}  // namespace

std::optional<std::int64_t> Ladder::Step(std::size_t step) const {
  PREFIXMESH_CHECK(step < kStepCount);
  return Difference(cached_bytes[step], cached_bytes[step + 1]);
}

std::optional<std::int64_t> Ladder::GainedBySync() const { return Difference(Of(World::kRun), unsynced); }

std::optional<double> Ladder::Share(const std::optional<std::int64_t>& bytes) const {
  if (!bytes || prompt_bytes == 0) return std::nullopt;
  return static_cast<double>(*bytes) / static_cast<double>(prompt_bytes);
}

Ladder RunLadder(const load::Plan& plan, const load::Settings& settings, std::span<const load::RequestRecord> records,
                 const std::optional<Visibility>& visibility) {
  PREFIXMESH_CHECK(records.size() == plan.requests().size());
  Ladder ladder;
  ServeCaches(plan, settings, records, ladder);
  const OracleResult one = RunOracle(plan, settings, records);
  ladder.oracle_load_cov = one.load_cov;
  auto& one_router = ladder.cached_bytes[static_cast<std::size_t>(World::kOneRouter)];
  auto& routers = ladder.cached_bytes[static_cast<std::size_t>(World::kRouters)];
  one_router = one.cached_bytes;
  const std::size_t count = settings.routers.count;
  if (count == 1) {
    routers = one_router;
    return ladder;
  }
  ladder.unsynced = RunOracle(plan, settings, records, {count, Visibility()}).cached_bytes;
  if (visibility)
    routers =
        visibility->ever() ? RunOracle(plan, settings, records, {count, *visibility}).cached_bytes : *ladder.unsynced;
  return ladder;
}

}  // namespace prefixmesh::bench
