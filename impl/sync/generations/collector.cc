#include "impl/sync/generations/collector.h"

#include <algorithm>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh::generations {

std::vector<Batch> SplitByKey(Batch batch) {
  std::vector<Batch> batches;
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    Batch& one = batches.emplace_back();
    one.generation = batch.generation;
    one.Add(std::move(batch.entries[i]), batch.carried[i].operations, batch.carried[i].is_state);
  }
  return batches;
}

Collector::Collector(PeerIndex peer, StreamRole role, SizeRule rule, HazardSet fixed)
    : peer_(peer),
      role_(role),
      fixed_(fixed),
      too_big_(fixed.contains(Hazard::kRoleDecides) ? TooBig::kMarked
               : role == StreamRole::kDialer        ? rule.dialer
                                                    : rule.server) {}

std::uint64_t Collector::LastSent(std::string_view key) const {
  const auto found = last_sent_.find(key);
  return found == last_sent_.end() ? 0 : found->second;
}

Collector::Verdict Collector::Offer(Batch batch, std::uint64_t batch_bytes_max, std::uint64_t token, Actions& actions) {
  PREFIXMESH_CHECK(!batch.entries.empty());
  Pending pending{.token = token, .generation = batch.generation, .operations = 0, .versions = {}};
  for (const StoreEntry& entry : batch.entries) pending.versions.emplace_back(entry.key, entry.version);
  bool has_state = false;
  for (const Batch::Carried& each : batch.carried) {
    pending.operations += each.operations;
    has_state |= each.is_state;
  }

  const Layer layer = has_state ? Layer::kStructure : Layer::kPlacements;
  std::string frame;
  std::uint64_t tested = ValueBytes(batch.entries);
  if (fixed_.contains(Hazard::kValueBytes)) {
    frame = EncodeBatch(Store::kPolicy, batch.entries);
    tested = frame.size();
  }
  if (tested > batch_bytes_max && too_big_ != TooBig::kUnchecked) {
    actions.push_back(RefuseFrame{.peer = peer_,
                                  .bytes = tested,
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
  if (frame.empty()) frame = EncodeBatch(Store::kPolicy, batch.entries);
  actions.push_back(SendFrame{.peer = peer_, .frame = std::move(frame), .layer = layer, .token = token});
  pending_.push_back(std::move(pending));
  return Verdict::kOffered;
}

std::optional<Collector::Marked> Collector::Result(std::uint64_t token, SendOutcome outcome) {
  const auto found =
      std::find_if(pending_.begin(), pending_.end(), [token](const Pending& each) { return each.token == token; });
  if (found == pending_.end()) return std::nullopt;
  Pending pending = std::move(*found);
  pending_.erase(found);
  if (outcome != SendOutcome::kQueued) {
    Keep();
    return std::nullopt;
  }
  if (fixed_.contains(Hazard::kMarkedUnheard)) {
    under_way_.push_back(std::move(pending));
    return std::nullopt;
  }
  return Mark(pending);
}

std::optional<Collector::Marked> Collector::Acknowledged() {
  if (under_way_.empty()) return std::nullopt;
  const Pending pending = std::move(under_way_.front());
  under_way_.pop_front();
  return Mark(pending);
}

Collector::Marked Collector::Mark(const Pending& pending) {
  Marked marked;
  marked.operations = pending.operations;
  for (const auto& [key, version] : pending.versions) {
    last_sent_[key] = version;
    marked.keys.push_back(key);
  }
  if (!kept_) generation_marked_ = pending.generation;
  return marked;
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
