#include "impl/sync/generations/collector.h"

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
  if (value_bytes > batch_bytes_max) {
    actions.push_back(RefuseFrame{.peer = peer_,
                                  .bytes = value_bytes,
                                  .limit_bytes = batch_bytes_max,
                                  .layer = layer,
                                  .model = batch.entries.front().key});
    if (role_ == StreamRole::kDialer) return Verdict::kRefusedKept;
    Mark(pending);
    return Verdict::kRefusedMarked;
  }
  actions.push_back(
      SendFrame{.peer = peer_, .frame = EncodeBatch(Store::kPolicy, batch.entries), .layer = layer, .token = token});
  pending_ = std::move(pending);
  return Verdict::kOffered;
}

std::optional<Collector::Marked> Collector::Result(std::uint64_t token, SendOutcome outcome) {
  if (!pending_.has_value() || pending_->token != token) return std::nullopt;
  const Pending pending = *std::exchange(pending_, std::nullopt);
  if (outcome != SendOutcome::kQueued) return std::nullopt;
  Mark(pending);
  Marked marked;
  for (const auto& [key, version] : pending.versions) marked.keys.push_back(key);
  marked.operations = pending.operations;
  return marked;
}

void Collector::Mark(const Pending& pending) {
  for (const auto& [key, version] : pending.versions) last_sent_[key] = version;
  generation_marked_ = pending.generation;
}

}  // namespace prefixmesh::generations
