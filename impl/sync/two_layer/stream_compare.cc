// Where each end of a stream stands: digests that say whether they differ, vectors and registers that say in what.
#include <algorithm>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "impl/sync/two_layer/stream.h"

namespace prefixmesh::two_layer {

void Stream::SendVector(Time now, bool reply_wanted, Actions& actions) {
  if (send_backoff_.Blocked(now)) return;
  vector_at_ = now;
  if (Seeded(Bug::kW26_roles_differ) && host_.options.router > host_.view.PeerName(index_)) return;
  Send(EncodeVector({reply_wanted, host_.replica.Positions(now)}, SealTo()), Layer::kDigest, kOtherToken, actions);
}

void Stream::SendRegisters(Time now, std::uint64_t since, Actions& actions) {
  if (send_backoff_.Blocked(now)) return;
  announced_.registers = host_.replica.registers().version();
  const std::vector<WorkerName> changed = host_.replica.registers().Since(since);
  if (!changed.empty()) Send(EncodeRegisters(changed, SealTo()), Layer::kControl, kRegistersToken, actions);
}

Digest Stream::OwnDigest() const {
  const Log& own = host_.replica.own();
  return {own.window.floor(), own.window.head(), own.heartbeat, host_.replica.VectorHash(),
          static_cast<std::uint32_t>(host_.replica.RegisterHash())};
}

FrameOutcome Stream::OnVector(Time now, const Vector& vector, Actions& actions) {
  vector_ = vector.positions;
  // It replaces what was believed: a log that is not named is not there.
  std::uint32_t own_have = 1;
  for (const Position& position : vector.positions) {
    const bool own = position.key == own_key();
    if (own) own_have = position.have;
    if (host_.replica.Merge(now, position, by(), actions)) continue;
    if (own) return OnTwoWriters(now);
    Refuse(RefuseReason::kFork, position.key, actions);
  }
  SendWindow& window = windows_[own_key()];
  if (phase_ != Phase::kPositioned || own_have < window.acked()) {
    window.RestartAt(Seeded(Bug::kW8_no_history) ? host_.replica.own().window.head() : own_have);
  } else if (const FrameOutcome outcome = OnAck(now, {{}, own_have, false}); outcome != FrameOutcome::kKeep) {
    return outcome;
  }
  phase_ = Phase::kPositioned;
  if (Seeded(Bug::kH6_echo))
    for (const auto& log : host_.replica.logs()) windows_[log->key].ExtendLease(now + 1000 * kLease);
  if (vector.reply_wanted && now - vector_at_ >= kHeartbeat) SendVector(now, false, actions);
  return FrameOutcome::kPositions;
}

void Stream::OnDigest(Time now, const Digest& digest, Actions& actions) {
  const OriginKey key{std::string(host_.view.PeerName(index_)), incarnation_};
  if (digest.head > 1) host_.replica.MergeDirect(now, key, digest, by(), actions);
  CompareLoads(digest, actions);
  const Digest own = OwnDigest();
  CompareRegisters(now, digest, own, actions);
  CompareVectors(now, digest, own, actions);
  digest_ = digest;
  own_registers_then_ = own.register_hash;
  own_vector_then_ = own.vector_hash;
}

// What differs is asked for. The second time in a row all that was kept goes first: a round that came again may have
// named a worker of which the peer does not speak, by a slot that means another name by now, and nothing said again
// takes that back.
void Stream::CompareLoads(const Digest& digest, Actions& actions) {
  const bool differ = digest.load_hash != loads_received_.hash() && !Seeded(Bug::kload_hash_ignored);
  if (differ) resync_due_ = true;
  if (differ && loads_differed_) {
    loads_received_.Clear();
    actions.push_back(ForgetLoads{index_});
  }
  loads_differed_ = differ;
}

void Stream::CompareRegisters(Time now, const Digest& digest, const Digest& own, Actions& actions) {
  if (digest.register_hash == own.register_hash) return;
  const bool at_rest = own_registers_then_ == own.register_hash && digest_.register_hash == digest.register_hash;
  if (!at_rest) registers_backoff_.Reset();
  if (registers_at_ >= Time{0} && now - registers_at_ < registers_backoff_.wait()) return;
  registers_at_ = now;
  registers_backoff_.Double();
  SendRegisters(now, 0, actions);
}

void Stream::CompareVectors(Time now, const Digest& digest, const Digest& own, Actions& actions) {
  if (digest.vector_hash == own.vector_hash) {  // the peer has all that is here
    for (auto& [key, window] : windows_)
      if (const Log* log = host_.replica.table().Find(key)) window.RestartAt(log->window.head());
    return;
  }
  const bool at_rest = own_vector_then_ == own.vector_hash && digest_.vector_hash == digest.vector_hash;
  if (!at_rest) vector_backoff_.Reset();
  if (now - vector_at_ < vector_backoff_.wait()) return;
  // Under traffic one peer is asked in turn. Unless some owner is out of reach, and this peer may know more.
  const Logs& logs = host_.replica.logs();
  const bool out_of_reach = std::any_of(logs.begin(), logs.end(), [&](const auto& log) {
    return !log->own() && !log->aged && !host_.OwnerReached(now, *log);
  });
  const bool turn = host_.HasVectorTurn(now, index_);
  if (!at_rest && !out_of_reach && !turn) return;
  if (turn) host_.PassVectorTurn(now);
  if (at_rest) vector_backoff_.Double();
  SendVector(now, true, actions);
}

}  // namespace prefixmesh::two_layer
