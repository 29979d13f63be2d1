#include "impl/sync/generations/raw_ops/raw_ops.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kUnknownModel = "unknown";

StrategyTraits MakeTraits(const RawOpsOptions& options) {
  StrategyTraits traits;
  traits.name = "raw-ops";
  traits.runs_on_text = true;
  traits.round_period = kRound;
  traits.peer_tick_period = kPeerTick;
  traits.queue_frames = kQueueFrames;
  traits.queue_bytes = std::size_t{2} << 30;  // the 128 messages bind first
  traits.frame_bytes = static_cast<std::size_t>(options.batch_bytes_max + kFramingBytes);
  traits.gzip = true;
  traits.offer_bytes = std::size_t{256} << 20;
  return traits;
}

// An entry that a receiver looks into; other tags are left alone, as they were.
struct TreeEntry {
  bool is_delta = false;
  Bytes config;
  std::uint64_t operations = 0;
};

}  // namespace

RawOps::RawOps(const RawOpsOptions& options) : options_(options), traits_(MakeTraits(options)), store_(options.store) {}

std::optional<Offer> RawOps::Capture(const PlacementView& placement) const {
  Offer offer;
  offer.model = placement.model.empty() ? kUnknownModel : placement.model;
  offer.kind = placement.kind;
  offer.worker = placement.worker;
  offer.worker_name = placement.worker_name;
  placement.prompt->CopyTo(offer.prompt);
  return offer;
}

void RawOps::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  // Whole tokens only: a codec of u32 has no room for the rest.
  if (offer.kind == Kind::kTokens) offer.prompt.resize(offer.prompt.size() / kBytesPerToken * kBytesPerToken);
  ++records_.local;
  store_.Append(offer.model, {.type = TreeOperation::Type::kInsert,
                              .kind = offer.kind,
                              .prompt = std::move(offer.prompt),
                              .tenant = std::move(offer.worker_name)});
}

void RawOps::OnRound(Time /*now*/, Actions& /*actions*/) {
  ++rounds_;
  if (rounds_ % options_.checkpoint_rounds == 0) store_.Checkpoint();
  if (rounds_ % options_.garbage_rounds == 0) store_.CollectGarbage();
}

void RawOps::OnPeerTick(Time now, PeerIndex peer, Actions& actions) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  Collector& collector = found->second;
  if (collector.Idle(store_.generation())) return;
  Batch batch = store_.Collect(collector, options_.self_name, now);
  if (batch.entries.empty()) return;

  std::vector<std::string> keys;
  for (const StoreEntry& entry : batch.entries) keys.push_back(entry.key);
  watermarks_ -= collector.watermarks();
  switch (collector.Offer(std::move(batch), options_.batch_bytes_max, ++tokens_, actions)) {
    case Collector::Verdict::kOffered:
      break;
    case Collector::Verdict::kRefusedKept:
      for (const std::string& key : keys) store_.ForceTrim(key);
      break;
    case Collector::Verdict::kRefusedMarked:
      for (const std::string& key : keys) store_.TrimAfterMark(key);
      break;
  }
  watermarks_ += collector.watermarks();
}

void RawOps::OnSendResult(Time /*now*/, PeerIndex peer, std::uint64_t token, SendOutcome outcome,
                          Actions& /*actions*/) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  watermarks_ -= found->second.watermarks();
  const auto marked = found->second.Result(token, outcome);
  watermarks_ += found->second.watermarks();
  if (!marked.has_value()) return;
  records_.sent += marked->operations;
  for (const std::string& key : marked->keys) store_.TrimAfterMark(key);
}

void RawOps::OnPeerUp(Time /*now*/, PeerIndex peer, StreamRole role, Actions& actions) {
  if (const auto old = collectors_.find(peer); old != collectors_.end()) {
    watermarks_ -= old->second.watermarks();
    collectors_.erase(old);
  }
  collectors_.emplace(peer, Collector(peer, role));
  if (role == StreamRole::kServer && store_.blobs() == 0) {
    actions.push_back(
        SendFrame{.peer = peer, .frame = EncodeSnapshotRequest(Store::kPolicy), .layer = Layer::kControl});
  }
}

void RawOps::OnPeerDown(Time /*now*/, PeerIndex peer, Actions& /*actions*/) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  watermarks_ -= found->second.watermarks();
  collectors_.erase(found);
}

void RawOps::OnFrame(Time now, PeerIndex peer, Bytes bytes, Actions& actions) {
  const Result<StoreFrame> frame = DecodeStoreFrame(bytes);
  if (!frame.ok()) {
    ++decode_errors_;
    return;
  }
  if (frame->kind == FrameKind::kSnapshotRequest) {
    AnswerSnapshot(now, peer, actions);
  } else {
    ApplyEntries(*frame, actions);
  }
}

void RawOps::ApplyEntries(const StoreFrame& frame, Actions& actions) {
  // All entries are checked, without a copy, before the first is applied: a bad frame changes nothing.
  std::vector<TreeEntry> trees;
  for (const StoreEntryView& entry : frame.entries) {
    const Result<PolicyStateView> envelope = DecodePolicyState(entry.value);
    bool ok = envelope.ok();
    if (ok && envelope->policy_type == kTreeStateDeltaTag) {
      const Result<DeltaHeader> header = CheckTreeStateDelta(envelope->config);
      if ((ok = header.ok())) trees.push_back({true, envelope->config, header->operations});
    } else if (ok && envelope->policy_type == kTreeStateTag) {
      const Result<StateHeader> header = CheckTreeState(envelope->config);
      if ((ok = header.ok())) trees.push_back({false, envelope->config, header->operations});
    }
    if (!ok) {
      ++decode_errors_;
      return;
    }
  }
  const auto replay = [&actions](const std::string& model, TreeOperation& operation) {
    if (operation.type == TreeOperation::Type::kRemove) return;  // H13
    actions.push_back(ApplyPrompt{.model = model,
                                  .kind = operation.kind,
                                  .prompt = std::move(operation.prompt),
                                  .worker_name = std::move(operation.tenant)});
  };
  for (const TreeEntry& tree : trees) {
    records_.received += tree.operations;
    const Result<OpStore::Applied> applied =
        tree.is_delta ? store_.ApplyDelta(tree.config, replay) : store_.ApplyState(tree.config, replay);
    if (!applied.ok()) {
      ++decode_errors_;
    } else {
      (*applied == OpStore::Applied::kApplied ? records_.applied : records_.stale) += tree.operations;
    }
  }
}

void RawOps::AnswerSnapshot(Time now, PeerIndex peer, Actions& actions) {
  const std::vector<StoreEntry> entries = store_.Snapshot(options_.self_name, now);
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

bool RawOps::Holds(std::string_view /*model*/, Kind /*kind*/, NodeId /*leaf*/, std::string_view /*worker*/) const {
  return false;
}

StrategyReport RawOps::Report() const {
  StrategyReport report;
  report.records = records_;
  report.decode_errors = decode_errors_;
  report.Add("pending", store_.pending_bytes(), store_.pending_operations());
  report.Add("tree_configs", store_.blob_bytes(), store_.blobs());
  report.Add("watermarks", watermarks_ * sizeof(std::uint64_t), watermarks_);
  return report;
}

}  // namespace prefixmesh::generations
