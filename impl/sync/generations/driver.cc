#include "impl/sync/generations/driver.h"

#include <algorithm>
#include <utility>

namespace prefixmesh::generations {
namespace {

constexpr std::uint64_t kCheckpointRounds = 10;
constexpr std::uint64_t kTransportBytes = 10u << 20;  // since #893
// Keys, framing and our envelope around a batch at its limit: with gzip such a frame is small enough for the transport
// (H11), so a peer inflates as much. No frame may be larger on the wire because of it.
constexpr std::uint64_t kFramingBytes = 1u << 20;
constexpr Time kSnapshotAnswerPeriod = std::chrono::seconds(1);
constexpr std::uint64_t kAcknowledgementToken = UINT64_MAX;  // no batch ever has it

}  // namespace

StrategyTraits MakeTraits(std::string_view name, const Constants& constants) {
  StrategyTraits traits;
  traits.name = name;
  traits.runs_on_text = true;
  traits.round_period = std::chrono::milliseconds(constants.round_ms);
  traits.peer_tick_period = std::chrono::milliseconds(constants.tick_ms);
  traits.queue_frames = static_cast<std::size_t>(constants.queue_messages);
  traits.queue_bytes = std::size_t{2} << 30;  // the 128 messages bind first
  traits.frame_bytes =
      static_cast<std::size_t>(constants.transport_bytes > 0 ? constants.transport_bytes : kTransportBytes);
  traits.inflated_bytes = std::max(traits.frame_bytes, static_cast<std::size_t>(constants.batch_bytes + kFramingBytes));
  traits.oversize_ends_stream = true;
  traits.gzip = true;
  traits.offer_bytes = std::size_t{256} << 20;
  traits.offers_before_frames = true;
  traits.tells_removals = TellsRemovals::kEverything;
  return traits;
}

// ---- rounds and streams ---------------------------------------------------------------------------------------------

Driver::Due Driver::Round() {
  ++rounds_;
  const std::uint64_t set = context_.constants.checkpoint_rounds;
  const std::uint64_t checkpoint_rounds = set > 0 ? set : kCheckpointRounds;
  return {.checkpoint = rounds_ % checkpoint_rounds == 0, .garbage = rounds_ % context_.constants.garbage_rounds == 0};
}

void Driver::StreamUp(PeerIndex peer, StreamRole role, Actions& actions) {
  StreamDown(peer);
  collectors_.emplace(peer, Collector(peer, role, size_rule_, context_.fixed));
  const bool may_ask = role == StreamRole::kServer || context_.Fixes(Hazard::kOneSidedBootstrap);
  if (may_ask && generation_.AsksForSnapshot()) {
    actions.push_back(
        SendFrame{.peer = peer, .frame = EncodeSnapshotRequest(Store::kPolicy), .layer = Layer::kControl});
  }
}

void Driver::StreamDown(PeerIndex peer) {
  generation_.StreamEnded(peer);
  assemblies_.erase(peer);
  if (const auto answers = answers_.find(peer); answers != answers_.end()) answers->second.owed = false;
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  watermarks_ -= found->second.watermarks();
  collectors_.erase(found);
}

// ---- sending --------------------------------------------------------------------------------------------------------

void Driver::Tick(Time now, PeerIndex peer, Actions& actions) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  if (const auto answers = answers_.find(peer); answers != answers_.end() && answers->second.owed)
    AskedForSnapshot(now, peer, actions);
  Collector& collector = found->second;
  if (collector.Idle(generation_.StoreGeneration()) || collector.Waits()) return;
  watermarks_ -= collector.watermarks();
  collector.BeginBeat();
  for (Batch& batch : generation_.Collect(now, collector, actions)) {
    if (!context_.Fixes(Hazard::kWholeStoreBatch)) {
      Offer(collector, std::move(batch), actions);
      continue;
    }
    for (Batch& one : SplitByKey(std::move(batch))) Offer(collector, std::move(one), actions);
  }
  watermarks_ += collector.watermarks();
}

void Driver::Offer(Collector& collector, Batch batch, Actions& actions) {
  if (batch.entries.empty()) return;
  std::vector<std::string> keys;
  for (const StoreEntry& entry : batch.entries) keys.push_back(entry.key);
  switch (collector.Offer(std::move(batch), context_.constants.batch_bytes, ++tokens_, actions)) {
    case Collector::Verdict::kOffered:
      break;
    case Collector::Verdict::kRefusedKept:
      for (const std::string& key : keys) generation_.Refused(collector.peer(), key);
      break;
    case Collector::Verdict::kRefusedMarked:
      for (const std::string& key : keys) generation_.Marked(collector.peer(), key, TrimWatermark(key));
      break;
  }
}

void Driver::SendResult(PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) {
  if (token == kAcknowledgementToken) {
    // The peer would wait for it for ever.
    if (outcome != SendOutcome::kQueued) actions.push_back(CloseStream{.peer = peer, .reason = "unacknowledged"});
    return;
  }
  Mark(peer, [&](Collector& collector) { return collector.Result(token, outcome); });
}

void Driver::Mark(PeerIndex peer, FunctionRef<std::optional<Collector::Marked>(Collector&)> by) {
  const auto found = collectors_.find(peer);
  if (found == collectors_.end()) return;
  watermarks_ -= found->second.watermarks();
  const std::optional<Collector::Marked> marked = by(found->second);
  watermarks_ += found->second.watermarks();
  if (!marked.has_value()) return;
  context_.records.sent += marked->operations;
  for (const std::string& key : marked->keys) generation_.Marked(peer, key, TrimWatermark(key));
}

std::uint64_t Driver::TrimWatermark(std::string_view key) const {
  std::uint64_t lowest = UINT64_MAX;
  if (!context_.Fixes(Hazard::kSharedTrim)) return lowest;
  for (const auto& [peer, collector] : collectors_) lowest = std::min(lowest, collector.LastSent(key));
  return lowest;
}

// ---- receiving ------------------------------------------------------------------------------------------------------

void Driver::Frame(Time now, PeerIndex peer, Bytes bytes, Actions& actions) {
  const Result<StoreFrame> frame = DecodeStoreFrame(bytes);
  if (!frame.ok()) return Reject(peer, "frame", {}, actions);
  switch (frame->kind) {
    case FrameKind::kBatch:
      ApplyEntries(*frame, peer, actions);
      // Of one that did not decode, too: it came, and it would not decode the next time.
      if (context_.Fixes(Hazard::kMarkedUnheard))
        actions.push_back(SendFrame{.peer = peer,
                                    .frame = EncodeAcknowledgement(Store::kPolicy),
                                    .layer = Layer::kControl,
                                    .token = kAcknowledgementToken});
      return;
    case FrameKind::kSnapshotRequest:
      AskedForSnapshot(now, peer, actions);
      snapshots_deferred_ += answers_[peer].owed;
      return;
    case FrameKind::kSnapshotChunk:
      return ApplyEntries(*frame, peer, actions);
    case FrameKind::kAcknowledgement:
      if (!context_.Fixes(Hazard::kMarkedUnheard)) break;
      return Mark(peer, [](Collector& collector) { return collector.Acknowledged(); });
    case FrameKind::kSnapshotPiece:
      if (!context_.Fixes(Hazard::kEntryChunks)) break;
      return TakePiece(*frame, peer, actions);
  }
  Reject(peer, "frame_kind", {}, actions);  // one that history did not have
}

void Driver::Reject(PeerIndex peer, const char* kind, std::string_view model, Actions& actions) {
  ++decode_errors_;
  actions.push_back(RejectFrame{.peer = peer, .kind = kind, .model = std::string(model)});
}

void Driver::ApplyEntries(const StoreFrame& frame, PeerIndex peer, Actions& actions) {
  const auto found = collectors_.find(peer);
  Collector* collector = found == collectors_.end() ? nullptr : &found->second;
  const StreamRole role = collector == nullptr ? StreamRole::kServer : collector->role();
  // All entries are checked before the first is applied: a bad frame changes nothing.
  std::vector<Checked> values;
  std::uint64_t declared_bytes = 0;
  for (const StoreEntryView& entry : frame.entries) {
    Result<Checked> checked = generation_.CheckEntry(entry, role);
    if (!checked.ok()) return Reject(peer, "entry", entry.key, actions);
    declared_bytes += checked->declared_bytes;
    if (declared_bytes > context_.constants.claim_bytes) return Reject(peer, "declared_bytes", entry.key, actions);
    values.push_back(std::move(*checked));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string_view key = frame.entries[i].key;
    const std::uint64_t before = generation_.Version(key);
    context_.records.received += values[i].records;
    if (values[i].apply && !values[i].apply(actions).ok()) Reject(peer, "state", key, actions);
    // A peer that had all and sent more still has all.
    if (!context_.Fixes(Hazard::kEcho) || collector == nullptr || collector->LastSent(key) != before) continue;
    if (const std::uint64_t after = generation_.Version(key); after != before) {
      watermarks_ -= collector->watermarks();
      collector->Skip(std::string(key), after);
      watermarks_ += collector->watermarks();
    }
  }
}

void Driver::TakePiece(const StoreFrame& frame, PeerIndex peer, Actions& actions) {
  if (!collectors_.contains(peer)) return;
  const Result<std::optional<std::string>> whole = assemblies_[peer].Add(frame);
  if (!whole.ok()) return Reject(peer, "piece", {}, actions);
  if (!whole->has_value()) return;
  const Result<StoreFrame> chunk = DecodeStoreFrame(AsBytes(**whole));
  if (!chunk.ok() || chunk->kind != FrameKind::kSnapshotChunk) return Reject(peer, "pieces", {}, actions);
  ApplyEntries(*chunk, peer, actions);
}

// ---- snapshots that a peer asks for ---------------------------------------------------------------------------------

void Driver::AskedForSnapshot(Time now, PeerIndex peer, Actions& actions) {
  const auto [at, first] = answers_.try_emplace(peer);
  SnapshotAnswers& answers = at->second;
  answers.owed = !first && now - answers.last < kSnapshotAnswerPeriod;
  if (answers.owed) return;
  answers.last = now;
  const std::vector<StoreEntry> entries = generation_.Snapshot(now);
  if (context_.Fixes(Hazard::kEntryChunks)) return AnswerInPieces(entries, peer, actions);
  AnswerInChunks(entries, peer, actions);
}

void Driver::AnswerInChunks(std::span<const StoreEntry> entries, PeerIndex peer, Actions& actions) {
  const auto chunk_entries = static_cast<std::size_t>(context_.constants.snapshot_entries);
  const std::uint64_t chunks = (entries.size() + chunk_entries - 1) / chunk_entries;
  for (std::uint64_t i = 0; i < chunks; ++i) {
    const std::size_t first = static_cast<std::size_t>(i) * chunk_entries;
    const std::size_t count = std::min(chunk_entries, entries.size() - first);
    std::string frame = EncodeSnapshotChunk(Store::kPolicy, i, chunks, entries.subspan(first, count));
    if (frame.size() > traits_.frame_bytes) {
      actions.push_back(RefuseFrame{.peer = peer,
                                    .kind = Oversize::kSnapshot,
                                    .bytes = frame.size(),
                                    .limit_bytes = traits_.frame_bytes,
                                    .layer = Layer::kRepair,
                                    .model = entries[first].key});
      actions.push_back(CloseStream{.peer = peer, .reason = "snapshot_too_big", .by_size = true});
      return;
    }
    actions.push_back(SendFrame{.peer = peer, .frame = std::move(frame), .layer = Layer::kRepair});
  }
}

void Driver::AnswerInPieces(std::span<const StoreEntry> entries, PeerIndex peer, Actions& actions) {
  Result<std::vector<std::string>> pieces =
      CutSnapshot(Store::kPolicy, entries, std::clamp<std::size_t>(traits_.frame_bytes / 2, 1, kPieceBytesMax));
  if (!pieces.ok()) {
    actions.push_back(RefuseFrame{.peer = peer,
                                  .kind = Oversize::kSnapshot,
                                  .bytes = ValueBytes(entries),
                                  .limit_bytes = kPieceBytesMax * kPiecesMax,
                                  .layer = Layer::kRepair,
                                  .model = entries.front().key});
    return;
  }
  for (std::string& piece : *pieces)
    actions.push_back(SendFrame{.peer = peer, .frame = std::move(piece), .layer = Layer::kRepair});
}

// ---- figures --------------------------------------------------------------------------------------------------------

StrategyReport Driver::Report() const {
  StrategyReport report;
  report.records = context_.records;
  report.trims = context_.trims;
  report.decode_errors = decode_errors_;
  report.rejects[report.reject_count++] = {"frame", decode_errors_};
  report.rejects[report.reject_count++] = {"snapshot_deferred", snapshots_deferred_};
  generation_.AddBuffers(report);
  if (context_.Fixes(Hazard::kEntryChunks)) {
    std::uint64_t pieces = 0;
    for (const auto& [peer, assembly] : assemblies_) pieces += assembly.bytes();  // as many as streams
    report.Add("snapshot_pieces", pieces, assemblies_.size());
  }
  report.Add("watermarks", watermarks_ * sizeof(std::uint64_t), watermarks_);
  return report;
}

// ---- a generation ---------------------------------------------------------------------------------------------------

Result<Checked> Generation::CheckEntry(const StoreEntryView& entry, StreamRole role) {
  const Result<Arrival> arrival = OpenEntry(context_, entry, role);
  if (!arrival.ok()) return arrival.error();
  return Check(*arrival);
}

}  // namespace prefixmesh::generations
