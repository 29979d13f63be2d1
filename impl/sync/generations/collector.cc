#include "impl/sync/generations/collector.h"

#include <algorithm>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh::generations {

std::uint64_t Collector::LastSent(std::string_view key) const {
  const auto found = last_sent_.find(key);
  return found == last_sent_.end() ? 0 : found->second;
}

Collector::Verdict Collector::Offer(Batch batch, std::uint64_t batch_bytes_max, std::uint64_t token, Actions& actions) {
  PREFIXMESH_CHECK(!batch.entries.empty());
  Pending pending{.token = token, .generation = batch.generation, .operations = batch.operations, .versions = {}};
  for (const StoreEntry& entry : batch.entries) pending.versions.emplace_back(entry.key, entry.version);

  const Layer layer = batch.has_state ? Layer::kStructure : Layer::kPlacements;
  const std::uint64_t value_bytes = ValueBytes(batch.entries);
  if (value_bytes > batch_bytes_max && too_big_ != TooBig::kUnchecked) {
    actions.push_back(RefuseFrame{.peer = peer_,
                                  .bytes = value_bytes,
                                  .limit_bytes = batch_bytes_max,
                                  .layer = layer,
                                  .model = batch.entries.front().key});
    if (too_big_ == TooBig::kKept) {
      Keep();
      return Verdict::kRefusedKept;
    }
    Mark(pending);
    return Verdict::kRefusedMarked;
  }
  actions.push_back(
      SendFrame{.peer = peer_, .frame = EncodeBatch(Store::kPolicy, batch.entries), .layer = layer, .token = token});
  pending_.push_back(std::move(pending));
  return Verdict::kOffered;
}

std::optional<Collector::Marked> Collector::Result(std::uint64_t token, SendOutcome outcome) {
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [token](const Pending& each) { return each.token == token; });
  if (found == pending_.end()) return std::nullopt;
  const Pending pending = std::move(*found);
  pending_.erase(found);
  if (outcome != SendOutcome::kQueued) {
    Keep();
    return std::nullopt;
  }
  Mark(pending);
  Marked marked;
  for (const auto& [key, version] : pending.versions) marked.keys.push_back(key);
  marked.operations = pending.operations;
  return marked;
}

void Collector::Mark(const Pending& pending) {
  for (const auto& [key, version] : pending.versions) last_sent_[key] = version;
  if (!kept_) generation_marked_ = pending.generation;
}

void Collector::Keep() {
  kept_ = true;
  generation_marked_ = generation_before_;
}

void Collector::BeginBeat() {
  pending_.clear();
  kept_ = false;
  generation_before_ = generation_marked_;
}

}  // namespace prefixmesh::generations
