#include "impl/sync/two_layer/stream.h"

#include <algorithm>
#include <utility>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/frame_writer.h"

namespace prefixmesh::two_layer {

Stream::Stream(Host& host, PeerIndex index, Time now)
    : host_(host), index_(index), received_at_(now), names_(host.replica.names()) {}

bool Stream::IsOwnerOf(const OriginKey& key) const {
  return greeted() && incarnation_ == key.incarnation && host_.view.PeerName(index_) == key.router;
}

std::uint32_t Stream::HaveOf(const OriginKey& key) const {
  const auto at = std::find_if(vector_.begin(), vector_.end(), [&](const Position& each) { return each.key == key; });
  return at != vector_.end() ? at->have : 0;
}

std::uint64_t Stream::UnackedBytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [key, window] : windows_) bytes += window.unacked_bytes();
  return bytes;
}

void Stream::Send(std::string frame, Layer layer, Token token, Actions& actions) {
  SendFrame send;
  send.peer = index_;
  send.frame = std::move(frame);
  send.layer = layer;
  send.token = token;
  actions.push_back(std::move(send));
}

void Stream::SendPull(const Pull& pull, Actions& actions) {
  Send(EncodePull(pull, SealTo()), Layer::kRepair, kOtherToken, actions);
}

// ---- frames ---------------------------------------------------------------------------------------------------------

void Stream::OnReceived(Time now) {
  received_at_ = now;
  corrupt_in_a_row_ = 0;
  timed_out_ = false;
}

// Both ends of a stream take frames here.
FrameOutcome Stream::OnFrame(Time now, Bytes frame, Actions& actions) {
  const Result<FrameKind> kind = PeekKind(frame);
  if (!kind.ok()) {
    if (kind.error().code != ErrorCode::kNotFound) return RefuseCorrupt(actions);
    ++host_.counters.unknown_frames;  // of a later release: skipped
    if (Seeded(Bug::kW21_unknown_kind_closes)) actions.push_back(CloseStream{index_, "unknown"});
    return FrameOutcome::kKeep;
  }
  if (*kind == FrameKind::kHello) return OnHello(now, frame, actions);
  if (*kind == FrameKind::kRefuse) return OnRefusal(now, frame, actions);
  if (!greeted()) return RefuseCorrupt(actions);  // nothing goes before a hello
  if (*kind == FrameKind::kRound) {
    const Result<Round> round = DecodeRound(frame, SealFrom());
    if (!round.ok()) return RefuseCorrupt(actions);
    OnReceived(now);
    return OnRoundFrame(now, *round, actions);
  }
  if (*kind == FrameKind::kVector) {
    const Result<Vector> vector = DecodeVector(frame, SealFrom());
    if (!vector.ok()) return RefuseCorrupt(actions);
    OnReceived(now);
    return OnVector(now, *vector, actions);
  }
  if (*kind == FrameKind::kRegisters) {
    const Result<std::vector<WorkerName>> registers = DecodeRegisters(frame, SealFrom());
    if (!registers.ok()) return RefuseCorrupt(actions);
    OnReceived(now);
    for (const WorkerName& worker : *registers) host_.replica.registers().Receive(worker, by(), true, actions);
    return FrameOutcome::kKeep;
  }
  const Result<Pull> pull = DecodePull(frame, SealFrom());
  if (!pull.ok()) return RefuseCorrupt(actions);
  OnReceived(now);
  OnPull(now, *pull, actions);
  return FrameOutcome::kKeep;
}

void Stream::Flush(Time now, Actions& actions) {
  SendRefusals(now, actions);
  if (!std::exchange(flush_, false)) return;
  if (flushed_bytes_ < kFlushBytesMax) SendRound(now, actions);
}

// ---- greeting -------------------------------------------------------------------------------------------------------

void Stream::SendHello(Time now, Actions& actions) {
  Hello hello;
  hello.version_min = kVersionMin;
  hello.version_max = host_.options.version_max;
  hello.hash_key_id = host_.options.hash_key_id;
  hello.text_block_bytes = host_.options.text_block_bytes;
  hello.tokens_block_tokens = host_.options.tokens_block_tokens;
  hello.anchors = host_.options.anchors;
  hello.sender = own_key();
  hello.heard = incarnation_;
  hello_at_ = now;
  Send(EncodeHello(hello), Layer::kControl, kOtherToken, actions);
}

std::optional<RefuseReason> Stream::ReasonToRefuse(const Hello& hello) const {
  if (hello.version_min > host_.options.version_max || hello.version_max < kVersionMin) return RefuseReason::kVersion;
  if (hello.hash_key_id != host_.options.hash_key_id) return RefuseReason::kHashKey;
  if (hello.text_block_bytes != host_.options.text_block_bytes ||
      hello.tokens_block_tokens != host_.options.tokens_block_tokens)
    return RefuseReason::kBlockSize;
  if (hello.sender.router != host_.view.PeerName(index_) || hello.sender.router == host_.options.router ||
      (greeted() && incarnation_ != hello.sender.incarnation))
    return RefuseReason::kIdentity;
  return std::nullopt;
}

FrameOutcome Stream::OnHello(Time now, Bytes frame, Actions& actions) {
  const Result<Hello> hello = DecodeHello(frame);
  if (!hello.ok()) return RefuseCorrupt(actions);
  if (const auto reason = ReasonToRefuse(*hello)) return RefuseAndClose(*reason, actions);
  if (host_.replica.table().poisoned(hello->sender)) {
    Refuse(RefuseReason::kFork, hello->sender, actions);
    return FrameOutcome::kKeep;
  }
  if (greeted()) {  // said again, because this router's was lost
    if (hello->heard != own_key().incarnation && now - hello_at_ >= host_.options.round_period) SendHello(now, actions);
    return FrameOutcome::kKeep;
  }
  phase_ = Phase::kGreeted;
  incarnation_ = hello->sender.incarnation;
  received_at_ = now;
  windows_.try_emplace(own_key());
  SendVector(now, true, actions);
  SendRegisters(now, 0, actions);
  return FrameOutcome::kKeep;
}

// ---- refusals -------------------------------------------------------------------------------------------------------

FrameOutcome Stream::OnRefusal(Time now, Bytes frame, Actions& actions) {
  const Result<Refusal> refusal = DecodeRefusal(frame);
  if (!refusal.ok()) {  // not answered: a refusal of a refusal would go round for ever
    ++host_.counters.decode_errors;
    host_.counters.Reject(RefuseReason::kCorrupt);
    actions.push_back(RejectFrame{.peer = index_, .kind = "refusal", .model = {}});
    return FrameOutcome::kKeep;
  }
  switch (refusal->reason) {
    case RefuseReason::kCorrupt:  // something was lost: what it may have said is said again
      loss_reported_ = true;
      return FrameOutcome::kKeep;
    case RefuseReason::kFork:
      if (refusal->key == own_key()) return OnTwoWriters(now);
      host_.replica.table().Poison(now, refusal->key, actions);
      return FrameOutcome::kKeep;
    case RefuseReason::kUnknownOrigin:
      std::erase_if(vector_, [&](const Position& position) { return position.key == refusal->key; });
      return FrameOutcome::kKeep;
    default:
      actions.push_back(CloseStream{index_, std::string("refused_") + RefuseReasonName(refusal->reason)});
      return FrameOutcome::kEnd;
  }
}

FrameOutcome Stream::OnTwoWriters(Time now) const {
  return host_.MayRestart(now) ? FrameOutcome::kTwoWriters : FrameOutcome::kKeep;
}

// Counts what is not taken; the peer is sent the reason after the frame. The stream stays up.
void Stream::Refuse(RefuseReason reason, const OriginKey& key, Actions& actions) {
  host_.counters.Reject(reason);
  actions.push_back(RejectFrame{.peer = index_, .kind = RefuseReasonName(reason), .model = {}});
  OweRefusal(reason, key);
}

void Stream::OweRefusal(RefuseReason reason, const OriginKey& key) {
  const bool due = std::any_of(refusals_due_.begin(), refusals_due_.end(),
                               [&](const Refusal& refusal) { return refusal.reason == reason && refusal.key == key; });
  if (due) return;
  if (refusals_due_.size() < kRefusalsMax) {
    refusals_due_.push_back({reason, key});
  } else {
    ++host_.counters.refusals_dropped;
  }
}

// The stream stays up, unless too many corrupt frames came in a row.
FrameOutcome Stream::RefuseCorrupt(Actions& actions) {
  if (Seeded(Bug::kW22_damage_unnoticed)) return FrameOutcome::kKeep;
  ++host_.counters.decode_errors;
  host_.counters.Reject(RefuseReason::kCorrupt);
  actions.push_back(RejectFrame{.peer = index_, .kind = RefuseReasonName(RefuseReason::kCorrupt), .model = {}});
  if (++corrupt_in_a_row_ >= kCorruptMax) return RefuseAndClose(RefuseReason::kCorrupt, actions);
  OweRefusal(RefuseReason::kCorrupt, {});
  return FrameOutcome::kKeep;
}

// The last frame of this stream. What comes on it after that is not read.
FrameOutcome Stream::RefuseAndClose(RefuseReason reason, Actions& actions) {
  if (reason != RefuseReason::kCorrupt) host_.counters.Reject(reason);
  Send(EncodeRefusal({reason, {}}), Layer::kControl, kOtherToken, actions);
  actions.push_back(CloseStream{index_, RefuseReasonName(reason)});
  return FrameOutcome::kEnd;
}

void Stream::SendRefusals(Time now, Actions& actions) {
  if (refusals_due_.empty() || send_backoff_.Blocked(now)) return;
  if (refused_at_ >= Time{0} && now - refused_at_ < host_.options.round_period) return;
  refused_at_ = now;
  for (const Refusal& refusal : refusals_due_) Send(EncodeRefusal(refusal), Layer::kControl, kOtherToken, actions);
  refusals_due_.clear();
}

}  // namespace prefixmesh::two_layer
