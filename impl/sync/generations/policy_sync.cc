#include "impl/sync/generations/policy_sync.h"

#include <algorithm>
#include <span>
#include <utility>

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kUnknownModel = "unknown";

}  // namespace

StrategyTraits MakeTraits(std::string_view name, const PolicySyncOptions& options) {
  StrategyTraits traits;
  traits.name = name;
  traits.runs_on_text = true;
  traits.round_period = kRound;
  traits.peer_tick_period = kPeerTick;
  traits.queue_frames = kQueueFrames;
  traits.queue_bytes = std::size_t{2} << 30;  // the 128 messages bind first
  traits.frame_bytes = static_cast<std::size_t>(options.batch_bytes_max + kFramingBytes);
  traits.gzip = true;
  traits.offer_bytes = std::size_t{256} << 20;
  traits.offers_before_frames = true;
  return traits;
}

std::string_view PolicySync::ModelName(const PlacementView& placement) {
  return placement.model.empty() ? kUnknownModel : placement.model;
}

Offer PolicySync::CopyOf(const PlacementView& placement) {
  Offer offer;
  offer.model = ModelName(placement);
  offer.kind = placement.kind;
  offer.worker = placement.worker;
  offer.worker_name = placement.worker_name;
  placement.prompt->CopyTo(offer.prompt);
  // Whole tokens only: a codec of u32 has no room for the rest.
  if (offer.kind == Kind::kTokens) offer.prompt.resize(offer.prompt.size() / kBytesPerToken * kBytesPerToken);
  return offer;
}

Offer PolicySync::NameOf(const PlacementView& placement) {
  Offer offer = CopyOf(placement);
  std::string().swap(offer.prompt);  // an assignment would keep its memory
  return offer;
}

void PolicySync::OnRound(Time now, Actions& /*actions*/) {
  ++rounds_;
  if (rounds_ % options_.checkpoint_rounds == 0) Checkpoint(now);
  if (rounds_ % options_.garbage_rounds == 0) CollectGarbage();
}

void PolicySync::OnPeerTick(Time now, PeerIndex peer, Actions& actions) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  Collector& collector = found->second;
  if (collector.Idle(Generation())) return;
  watermarks_ -= collector.watermarks();
  collector.BeginBeat();
  for (Batch& batch : Collect(now, collector, actions)) {
    std::vector<std::string> keys;
    for (const StoreEntry& entry : batch.entries) keys.push_back(entry.key);
    switch (collector.Offer(std::move(batch), options_.batch_bytes_max, ++tokens_, actions)) {
      case Collector::Verdict::kOffered:
        break;
      case Collector::Verdict::kRefusedKept:
        for (const std::string& key : keys) Refused(key);
        break;
      case Collector::Verdict::kRefusedMarked:
        for (const std::string& key : keys) Marked(key);
        break;
    }
  }
  watermarks_ += collector.watermarks();
}

void PolicySync::OnSendResult(Time /*now*/, PeerIndex peer, std::uint64_t token, SendOutcome outcome,
                              Actions& /*actions*/) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  watermarks_ -= found->second.watermarks();
  const auto marked = found->second.Result(token, outcome);
  watermarks_ += found->second.watermarks();
  if (!marked.has_value()) return;
  records_.sent += marked->operations;
  for (const std::string& key : marked->keys) Marked(key);
}

void PolicySync::OnPeerUp(Time now, PeerIndex peer, StreamRole role, Actions& actions) {
  OnPeerDown(now, peer, actions);
  collectors_.emplace(peer, Collector(peer, role, options_.size_rule));
  if (role == StreamRole::kServer && AsksForSnapshot()) {
    actions.push_back(
        SendFrame{.peer = peer, .frame = EncodeSnapshotRequest(Store::kPolicy), .layer = Layer::kControl});
  }
}

void PolicySync::OnPeerDown(Time /*now*/, PeerIndex peer, Actions& /*actions*/) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  watermarks_ -= found->second.watermarks();
  collectors_.erase(found);
}

void PolicySync::OnFrame(Time now, PeerIndex peer, Bytes bytes, Actions& actions) {
  const Result<StoreFrame> frame = DecodeStoreFrame(bytes);
  if (!frame.ok()) {
    ++decode_errors_;
    return;
  }
  if (frame->kind == FrameKind::kSnapshotRequest) return AnswerSnapshot(now, peer, actions);
  const auto found = collectors_.find(peer);
  ApplyEntries(*frame, found == collectors_.end() ? StreamRole::kServer : found->second.role(), actions);
}

Result<PolicySync::Checked> PolicySync::CheckValue(Bytes value, StreamRole role) {
  const Result<PolicyStateView> envelope = DecodePolicyState(value);
  if (!envelope.ok()) return envelope.error();
  return Check(*envelope, role);
}

void PolicySync::ApplyEntries(const StoreFrame& frame, StreamRole role, Actions& actions) {
  // All entries are checked before the first is applied: a bad frame changes nothing.
  std::vector<Checked> values;
  for (const StoreEntryView& entry : frame.entries) {
    Result<Checked> checked = CheckValue(entry.value, role);
    if (!checked.ok()) {
      ++decode_errors_;
      return;
    }
    values.push_back(std::move(*checked));
  }
  for (const Checked& value : values) {
    records_.received += value.records;
    if (value.apply && !value.apply(actions).ok()) ++decode_errors_;
  }
}

void PolicySync::AnswerSnapshot(Time now, PeerIndex peer, Actions& actions) {
  const std::vector<StoreEntry> entries = Snapshot(now);
  const std::uint64_t chunks = (entries.size() + kSnapshotChunkEntries - 1) / kSnapshotChunkEntries;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * kSnapshotChunkEntries;
    const std::size_t count = std::min(kSnapshotChunkEntries, entries.size() - first);
    std::string frame =
        EncodeSnapshotChunk(Store::kPolicy, i, chunks, std::span<const StoreEntry>(entries).subspan(first, count));
    if (frame.size() > traits_.frame_bytes) {
      actions.push_back(RefuseFrame{.peer = peer,
                                    .bytes = frame.size(),
                                    .limit_bytes = traits_.frame_bytes,
                                    .layer = Layer::kRepair,
                                    .model = entries[first].key});
      actions.push_back(CloseStream{.peer = peer, .reason = "snapshot_too_big"});
      return;
    }
    actions.push_back(SendFrame{.peer = peer, .frame = std::move(frame), .layer = Layer::kRepair});
  }
}

StrategyReport PolicySync::Report() const {
  StrategyReport report;
  report.records = records_;
  report.decode_errors = decode_errors_;
  AddBuffers(report);
  report.Add("watermarks", watermarks_ * sizeof(std::uint64_t), watermarks_);
  return report;
}

}  // namespace prefixmesh::generations
