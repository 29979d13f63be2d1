// How a stream begins and ends: greeting, refusals, and a name that two writers used.
#include <algorithm>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "impl/sync/two_layer/peer.h"

namespace prefixmesh::two_layer {

void TwoLayer::OnPeerUp(Time now, PeerIndex index, StreamRole role, Actions& actions) {
  (void)role;  // both ends do the same
  Peer& peer = *peers_[index.value];
  Forget(peer);
  peer.up = true;
  peer.heard_at = now;
  SendHello(now, index, actions);
}

void TwoLayer::OnPeerDown(Time now, PeerIndex index, Actions& actions) {
  (void)now;
  Forget(*peers_[index.value]);
  if (!Seeded(Bug::kloads_outlive_stream)) actions.push_back(ForgetLoads{index});
}

void TwoLayer::Forget(Peer& peer) {
  for (const auto& defined : peer.scopes)
    if (defined && defined->slot) replica_.names().scopes.Release(*defined->slot);
  for (const auto& defined : peer.workers)
    if (defined && defined->slot) replica_.names().workers.Release(*defined->slot);
  peer = Peer{};
}

// This router's log goes on under a new incarnation: its old name was used by two. Streams begin anew under it.
void TwoLayer::GoOnAnew(Time now, Actions& actions) {
  if (anew_at_ >= Time{0} && now - anew_at_ < kHeartbeat) return;  // whoever forces it cannot do so all the time
  anew_at_ = now;
  replica_.Reincarnate(now, view_.NewIncarnation(), actions);
  for (std::uint16_t i = 0; i < peers_.size(); ++i) {
    if (!peers_[i]->up) continue;
    Forget(*peers_[i]);
    actions.push_back(CloseStream{PeerIndex{i}, "new_incarnation"});
  }
}

void TwoLayer::OnHello(Time now, PeerIndex index, Bytes frame, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const Result<Hello> hello = DecodeHello(frame);
  if (!hello.ok()) return Reject(now, index, RefuseReason::kCorrupt, {}, actions);
  if (hello->version_min > options_.version_max || hello->version_max < kVersionMin)
    return RefuseAndClose(now, index, RefuseReason::kVersion, actions);
  if (hello->hash_key_id != options_.hash_key_id) return RefuseAndClose(now, index, RefuseReason::kHashKey, actions);
  if (hello->text_block_bytes != options_.text_block_bytes ||
      hello->tokens_block_tokens != options_.tokens_block_tokens)
    return RefuseAndClose(now, index, RefuseReason::kBlockSize, actions);
  if (hello->sender.router != view_.PeerName(index) || hello->sender.router == options_.router ||
      (peer.greeted && peer.incarnation != hello->sender.incarnation))
    return RefuseAndClose(now, index, RefuseReason::kIdentity, actions);
  if (replica_.table().poisoned(hello->sender)) return Reject(now, index, RefuseReason::kFork, hello->sender, actions);
  if (peer.greeted) {  // said again, because this router's was lost
    if (hello->heard != replica_.own().key.incarnation && now - peer.hello_at >= options_.round_period)
      SendHello(now, index, actions);
    return;
  }
  peer.greeted = true;
  peer.incarnation = hello->sender.incarnation;
  peer.heard_at = now;
  peer.sending[replica_.own().key] = Sending{};
  SendVector(now, index, true, actions);
  SendRegisters(now, index, 0, actions);
}

void TwoLayer::OnRefusal(Time now, PeerIndex index, Bytes frame, Actions& actions) {
  Peer& peer = *peers_[index.value];
  const Result<Refusal> refusal = DecodeRefusal(frame);
  if (!refusal.ok()) {  // not answered: a refusal of a refusal would go round for ever
    ++decode_errors_;
    ++rejects_[static_cast<std::size_t>(RefuseReason::kCorrupt)];
    actions.push_back(RejectFrame{.peer = index, .kind = "refusal", .model = {}});
    return;
  }
  switch (refusal->reason) {
    case RefuseReason::kCorrupt:  // something was lost: what it may have said is said again
      peer.loss_told = true;
      return;
    case RefuseReason::kFork:
      if (refusal->key == replica_.own().key) return GoOnAnew(now, actions);
      return replica_.table().Poison(now, refusal->key, actions);
    case RefuseReason::kUnknownOrigin:
      std::erase_if(peer.vector, [&](const Position& position) { return position.key == refusal->key; });
      return;
    default:
      Forget(peer);
      actions.push_back(CloseStream{index, std::string("refused_") + RefuseReasonName(refusal->reason)});
  }
}

// Counts what is not taken; the peer is told after the frame. The stream goes on, unless nothing but rubbish comes.
void TwoLayer::Reject(Time now, PeerIndex index, RefuseReason reason, const OriginKey& key, Actions& actions) {
  Peer& peer = *peers_[index.value];
  if (Seeded(Bug::kW22_damage_unnoticed) && reason == RefuseReason::kCorrupt) return;
  ++rejects_[static_cast<std::size_t>(reason)];
  actions.push_back(RejectFrame{.peer = index, .kind = RefuseReasonName(reason), .model = {}});
  if (reason == RefuseReason::kCorrupt) {
    ++decode_errors_;
    if (++peer.corrupt_in_a_row >= kCorruptMax) return RefuseAndClose(now, index, reason, actions);
  }
  const bool due = std::any_of(peer.refusals_due.begin(), peer.refusals_due.end(),
                               [&](const Refusal& refusal) { return refusal.reason == reason && refusal.key == key; });
  if (due) return;
  if (peer.refusals_due.size() < kRefusalsMax) {
    peer.refusals_due.push_back({reason, key});
  } else {
    ++refusals_dropped_;
  }
}

// The last that this stream is told. What comes on it after that is not read.
void TwoLayer::RefuseAndClose(Time now, PeerIndex index, RefuseReason reason, Actions& actions) {
  (void)now;
  if (reason != RefuseReason::kCorrupt) ++rejects_[static_cast<std::size_t>(reason)];
  Send(index, EncodeRefusal({reason, {}}), Layer::kControl, kOtherToken, actions);
  actions.push_back(CloseStream{index, RefuseReasonName(reason)});
  Forget(*peers_[index.value]);
}

}  // namespace prefixmesh::two_layer
