#include "loadgen/drive/ledger.h"

#include <algorithm>

#include "impl/base/prng.h"

namespace prefixmesh::load {

void LedgerCounts::Add(PlacementFate fate) {
  ++pairs;
  switch (fate) {
    case PlacementFate::kApplied:
      ++applied;
      break;
    case PlacementFate::kSuperseded:
      ++superseded;
      break;
    case PlacementFate::kPartial:
      ++partial;
      break;
    case PlacementFate::kForgotten:
      ++forgotten;
      break;
    case PlacementFate::kLost:
      ++lost;
      break;
  }
}

PlacementFate Judge(const ProbeAnswer& answer, std::uint64_t baseline_blocks, bool superseded) {
  if (answer.depth_blocks >= answer.prompt_blocks) return PlacementFate::kApplied;
  if (superseded) return PlacementFate::kSuperseded;
  if (answer.depth_blocks > baseline_blocks) return PlacementFate::kPartial;
  return answer.held ? PlacementFate::kForgotten : PlacementFate::kLost;
}

std::vector<std::uint32_t> LearnedPlacements(const std::vector<RequestRecord>& records, std::uint64_t block_bytes) {
  std::vector<std::uint32_t> learned;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].outcome == Outcome::kOk && records[i].inserted != 0 && records[i].prompt_bytes >= block_bytes)
      learned.push_back(static_cast<std::uint32_t>(i));
  }
  return learned;
}

std::vector<std::uint32_t> SamplePlacements(std::vector<std::uint32_t> learned, std::uint64_t count,
                                            std::uint64_t seed) {
  Prng prng = Prng::ForPurpose(seed, "placements");
  const std::size_t take = static_cast<std::size_t>(std::min<std::uint64_t>(count, learned.size()));
  for (std::size_t i = 0; i < take; ++i) std::swap(learned[i], learned[i + prng.Below(learned.size() - i)]);
  learned.resize(take);
  std::sort(learned.begin(), learned.end());
  return learned;
}

PlacementIndex::PlacementIndex(const Plan& plan, const std::vector<RequestRecord>& records)
    : plan_(plan), records_(records) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RequestRecord& record = records[i];
    if (record.worker == kNoWorkerNumber) continue;
    sent_[{record.router, record.worker, plan.requests()[i].model}].push_back(static_cast<std::uint32_t>(i));
    std::uint64_t& life = last_life_[record.worker];
    life = std::max(life, record.worker_incarnation);
  }
}

std::size_t PlacementIndex::LongestSent(std::uint32_t index, std::uint16_t router, std::uint16_t worker) const {
  const PlannedRequest& request = plan_.requests()[index];
  const auto found = sent_.find({router, worker, request.model});
  if (found == sent_.end()) return 0;
  std::size_t longest = 0;
  for (const std::uint32_t other : found->second) {
    longest = std::max(longest, plan_.CommonPrefix(request, plan_.requests()[other]));
    if (longest == request.prompt_bytes) break;
  }
  return longest;
}

bool PlacementIndex::Superseded(std::uint32_t index, std::uint64_t incarnation) const {
  const RequestRecord& record = records_[index];
  if (incarnation > record.worker_incarnation) return true;
  const auto found = last_life_.find(record.worker);
  return found != last_life_.end() && found->second > record.worker_incarnation;
}

}  // namespace prefixmesh::load
