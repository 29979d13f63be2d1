// What a peer's rounds and pulls do here: acks move its windows, definitions and loads are noted, ranges are accepted
// and answered.
#include <algorithm>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/stream.h"

namespace prefixmesh::two_layer {

FrameOutcome Stream::OnRoundFrame(Time now, const Round& round, Actions& actions) {
  if (round.resync && !Seeded(Bug::kresync_ignored)) resync_asked_ = true;
  // What shows that this router's name has two writers ends all streams, and with them the meaning of what is left.
  for (const Ack& ack : round.acks)
    if (const FrameOutcome outcome = OnAck(now, ack); outcome != FrameOutcome::kKeep) return outcome;
  if (!names_.Define(round)) return RefuseAndClose(RefuseReason::kNames, actions);
  OnLoads(round, actions);
  for (const RangeView& range : round.views)
    if (const FrameOutcome outcome = OnRange(now, range, actions); outcome != FrameOutcome::kKeep) return outcome;
  if (round.has_digest) OnDigest(now, round.digest, actions);
  return FrameOutcome::kKeep;
}

FrameOutcome Stream::OnAck(Time now, const Ack& ack) {
  const OriginKey& key = ack.key.router.empty() || Seeded(Bug::kack_of_any_log) ? own_key() : ack.key;
  const Log* log = host_.replica.table().Find(key);
  const auto at = windows_.find(key);
  if (log == nullptr || at == windows_.end()) return FrameOutcome::kKeep;
  if (ack.have > log->window.head())  // of this router's log: more than it wrote
    return log->own() ? OnTwoWriters(now) : FrameOutcome::kKeep;
  SendWindow& window = at->second;
  window.OnAck(now, ack.have, ack.hole);
  // The next page of a long transfer goes out when this one arrived.
  if (window.idle() && window.next() < log->window.head()) flush_ = true;
  return FrameOutcome::kKeep;
}

void Stream::OnLoads(const Round& round, Actions& actions) {
  for (const Load& load : round.loads) {
    const std::string* worker = names_.WorkerOf(load.worker);
    if (worker == nullptr) resync_due_ = true;
    if (worker != nullptr) loads_received_.Set(*worker, load.in_flight);
  }
  for (const Load& load : round.loads) {
    const std::string* worker = names_.WorkerOf(load.worker);
    if (worker == nullptr) continue;
    const std::uint32_t counted = loads_received_.Counted(*worker);
    host_.counters.loads_clamped += counted < (load.in_flight & ~kUnreached);
    actions.push_back(ApplyLoad{index_, *worker, counted, (load.in_flight & kUnreached) != 0});
  }
}

// ---- ranges ---------------------------------------------------------------------------------------------------------

// Every range is answered: what is not kept here with a refusal, all else with an ack.
FrameOutcome Stream::OnRange(Time now, const RangeView& range, Actions& actions) {
  const OriginKey key =
      range.key.router.empty() ? OriginKey{std::string(host_.view.PeerName(index_)), incarnation_} : range.key;
  const bool direct = IsOwnerOf(key);
  if (host_.replica.table().poisoned(key)) {
    Refuse(RefuseReason::kFork, key, actions);
    return FrameOutcome::kKeep;
  }
  if (!direct && host_.replica.table().Find(key) == nullptr) {
    Refuse(RefuseReason::kUnknownOrigin, key, actions);
    return FrameOutcome::kKeep;
  }
  bool& hole = OweAck(now, key);
  if (!names_.Mark(range, host_.record, host_.slots)) {
    resync_due_ = hole = true;
    return FrameOutcome::kKeep;
  }
  if (!ResolveNames(key, !direct, actions)) {
    if (direct) return RefuseAndClose(RefuseReason::kNames, actions);
    host_.counters.Reject(RefuseReason::kNames);
    acks_due_.erase(key);
    std::erase_if(vector_, [&](const Position& position) { return position.key == key; });
    Refuse(RefuseReason::kUnknownOrigin, key, actions);
    return FrameOutcome::kKeep;
  }
  const Accepted accepted = host_.replica.Accept(now, range, host_.slots, key, by(), direct, host_.records, actions);
  if (accepted != Accepted::kYes && accepted != Accepted::kHole) return OnNotAccepted(now, accepted, key, actions);
  hole = accepted == Accepted::kHole;            // false: also one that an earlier range left
  if (range.more) flush_ = ack_at_once_ = true;  // a page: the next one waits for this ack
  return FrameOutcome::kKeep;
}

FrameOutcome Stream::OnNotAccepted(Time now, Accepted accepted, const OriginKey& key, Actions& actions) {
  if (accepted == Accepted::kTooBig) return RefuseAndClose(RefuseReason::kTooBig, actions);
  acks_due_.erase(key);
  if (accepted == Accepted::kFork && key == own_key()) return OnTwoWriters(now);
  Refuse(accepted == Accepted::kUnknown ? RefuseReason::kUnknownOrigin : RefuseReason::kFork, key, actions);
  return FrameOutcome::kKeep;
}

// Gives this router's slots to the names that the range in hand uses. False: they do not fit.
bool Stream::ResolveNames(const OriginKey& key, bool relayed, Actions& actions) {
  if (names_.Resolve(by(), relayed, host_.slots)) return true;
  if (relayed) return false;
  host_.replica.table().EvictOthersOf(by(), key, actions);  // its former incarnations, and what it relayed
  return names_.Resolve(by(), relayed, host_.slots);
}

// The ack of this log; true: with a hole.
bool& Stream::OweAck(Time now, const OriginKey& key) {
  if (acks_due_.empty()) acks_since_ = now;
  MakeRoomForAck(key);
  return acks_due_[key];
}

// At most kPositionsMax acks are due, as many as a frame may hold: then one of a log that is gone goes, else the last
// that is not of the peer's own log.
void Stream::MakeRoomForAck(const OriginKey& key) {
  if (acks_due_.size() < kPositionsMax || acks_due_.count(key) > 0) return;
  auto victim = acks_due_.end();
  for (auto at = acks_due_.begin(); at != acks_due_.end(); ++at) {
    if (IsOwnerOf(at->first)) continue;
    victim = at;
    if (host_.replica.table().Find(at->first) == nullptr) break;
  }
  acks_due_.erase(victim);
  ++host_.counters.acks_dropped;
}

// ---- pulls ----------------------------------------------------------------------------------------------------------

void Stream::OnPull(Time now, const Pull& pull, Actions& actions) {
  const LogTable& table = host_.replica.table();
  const Log* log = table.Find(pull.key);
  if (log == nullptr)
    return Refuse(table.poisoned(pull.key) ? RefuseReason::kFork : RefuseReason::kUnknownOrigin, pull.key, actions);
  const auto [at, made] = windows_.try_emplace(pull.key);
  if (Seeded(Bug::kW8_no_history)) return;
  at->second.OnPull(now, pull.from, !made);
  if (log->window.head() > pull.from) {
    flush_ = true;
  } else if (now - vector_at_ >= kHeartbeat) {
    SendVector(now, false, actions);
  }
}

}  // namespace prefixmesh::two_layer
