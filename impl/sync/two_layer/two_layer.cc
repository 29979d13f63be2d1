#include "impl/sync/two_layer/two_layer.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/capture.h"
#include "impl/sync/two_layer/host.h"
#include "impl/sync/two_layer/repair.h"
#include "impl/sync/two_layer/stream.h"

namespace prefixmesh::two_layer {

TwoLayer::TwoLayer(Options options, const StrategyView& view)
    : host_(std::make_unique<Host>(std::move(options), view)), repair_(std::make_unique<Repair>(*host_)) {
  traits_.name = "two-layer";
  traits_.runs_on_block = true;
  traits_.round_period = host_->options.round_period;
  traits_.queue_frames = 1024;
  traits_.queue_bytes = 8u << 20;
  traits_.frame_bytes = kFrameBytesMax;
  traits_.keeps_records = true;
  RecordWorkers();  // before any peer speaks: of own workers only their word counts
}

TwoLayer::~TwoLayer() = default;

// ---- local placements -----------------------------------------------------------------------------------------------

std::optional<Offer> TwoLayer::Capture(const PlacementView& placement) const {
  return two_layer::Capture(placement, host_->options.anchors);
}

void TwoLayer::OnPlacement(Time, Offer offer, Actions&) {
  ++host_->records.local;
  pending_bytes_ += offer.bytes();
  pending_.push_back(std::move(offer));
}

// Stamps what is new, in the order of the leaves, so that the order costs nothing on the wire.
void TwoLayer::Collect(Time now, Actions& actions) {
  Replica& replica = host_->replica;
  if (Seeded(Bug::kW16_round_forgotten) && replica.own().heartbeat % 30 == 29) pending_.clear();
  if (pending_.empty()) return;
  if (replica.own().window.head() + pending_.size() >= kSeqMax) RestartWithNewIncarnation(now, actions);
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Offer& a, const Offer& b) { return a.ids.back() < b.ids.back(); });
  for (const Offer& offer : pending_)
    if (!replica.Append(offer, actions)) ++host_->records.unresolved;
  pending_.clear();
  pending_bytes_ = 0;
  replica.TrimOwn(actions);
}

// What this router's workers said of their incarnations themselves.
void TwoLayer::RecordWorkers() {
  const std::uint64_t version = host_->view.WorkersVersion();
  if (version == view_version_) return;
  view_version_ = version;
  for (const WorkerLoad& load : host_->view.Workers()) host_->replica.RegisterOwn(load.name, load.incarnation);
}

// What was received of own workers and is not what they said: they are asked (BlockActions), once per frame at most.
void TwoLayer::AskWorkers(Actions& actions) {
  Registers& registers = host_->replica.registers();
  if (!registers.has_doubts()) return;
  RecordWorkers();  // they may have said it meanwhile
  for (WorkerName& worker : registers.TakeDoubts())
    if (!Seeded(Bug::kregister_not_applied))
      actions.push_back(ApplyRegister{std::move(worker.name), worker.incarnation});
}

// ---- rounds ---------------------------------------------------------------------------------------------------------

void TwoLayer::OnRound(Time now, Actions& actions) {
  Replica& replica = host_->replica;
  RecordWorkers();
  replica.Replay(host_->records, actions);
  Collect(now, actions);
  if (heartbeat_at_ < Time{0} || now - heartbeat_at_ >= kHeartbeat) {
    ++replica.own().heartbeat;
    heartbeat_at_ = now;
  }
  replica.Expire(now, actions);
  repair_->Run(now, actions);
  const bool ask_around = std::any_of(replica.logs().begin(), replica.logs().end(), [&](const auto& log) {
    return replica.age(now, *log) > host_->options.dead_after / 2;
  });
  for (const auto& stream : host_->streams)
    if (stream) stream->OnRound(now, ask_around, actions);
}

void TwoLayer::OnPeerTick(Time, PeerIndex, Actions&) {}

// ---- streams --------------------------------------------------------------------------------------------------------

// Both ends of a stream do the same.
void TwoLayer::OnPeerUp(Time now, PeerIndex peer, StreamRole, Actions& actions) {
  std::unique_ptr<Stream>& stream = host_->streams[peer.value];
  stream.reset();  // gives its names back before the next one takes any
  stream = std::make_unique<Stream>(*host_, peer, now);
  stream->SendHello(now, actions);
}

void TwoLayer::OnPeerDown(Time, PeerIndex peer, Actions& actions) {
  host_->streams[peer.value].reset();
  if (!Seeded(Bug::kloads_outlive_stream)) actions.push_back(ForgetLoads{peer});
}

void TwoLayer::OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) {
  std::unique_ptr<Stream>& stream = host_->streams[peer.value];
  switch (stream ? stream->OnFrame(now, frame, actions) : FrameOutcome::kKeep) {  // null: this router ended the stream
    case FrameOutcome::kKeep:
      break;
    case FrameOutcome::kPositions:
      repair_->Run(now, actions);
      break;
    case FrameOutcome::kEnd:
      stream.reset();
      break;
    case FrameOutcome::kTwoWriters:
      RestartWithNewIncarnation(now, actions);
      break;
  }
  AskWorkers(actions);
  if (stream) stream->Flush(now, actions);
}

void TwoLayer::OnSendResult(Time now, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions&) {
  if (host_->streams[peer.value]) host_->streams[peer.value]->OnSendResult(now, token, outcome);
}

// This router's log goes on under a new incarnation: its old name was used by two, or ran out of seqs. Streams begin
// anew under it.
void TwoLayer::RestartWithNewIncarnation(Time now, Actions& actions) {
  if (!host_->MayRestart(now)) return;
  host_->restarted_at = now;
  host_->replica.Reincarnate(now, host_->view.NewIncarnation(), actions);
  for (std::uint16_t i = 0; i < host_->streams.size(); ++i) {
    if (!host_->streams[i]) continue;
    host_->streams[i].reset();
    actions.push_back(CloseStream{PeerIndex{i}, "new_incarnation"});
  }
}

// ---- reading --------------------------------------------------------------------------------------------------------

const Replica& TwoLayer::replica() const { return host_->replica; }

bool TwoLayer::Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const {
  return host_->replica.Holds(model, kind, leaf, worker);
}

StrategyReport TwoLayer::Report() const {
  const Replica& replica = host_->replica;
  const Host::Counters& counters = host_->counters;
  StrategyReport report;
  report.records = host_->records;
  report.decode_errors = counters.decode_errors;
  report.unknown_frames = counters.unknown_frames;
  for (std::size_t reason = 1; reason < std::size(counters.rejects); ++reason)
    report.rejects[report.reject_count++] = {RefuseReasonName(static_cast<RefuseReason>(reason)),
                                             counters.rejects[reason]};
  for (const auto& [reason, count] :
       {std::pair("acks_dropped", counters.acks_dropped), std::pair("refusals_dropped", counters.refusals_dropped),
        std::pair("loads_clamped", counters.loads_clamped), std::pair("logs_refused", replica.table().refused()),
        std::pair("logs_evicted", replica.table().evicted()),
        std::pair("registers_refused", replica.registers().refused())})
    report.rejects[report.reject_count++] = {reason, count};
  report.Add("own_window", replica.own().window.bytes(), replica.own().window.count());
  report.Add("peer_windows", replica.copies_bytes(), replica.copies_count());
  report.Add("pending", pending_bytes_, pending_.size());
  std::uint64_t unacked_bytes = 0, unacked_peers = 0;
  for (const auto& stream : host_->streams) {
    const std::uint64_t bytes = stream ? stream->UnackedBytes() : 0;
    unacked_bytes += bytes;
    unacked_peers += bytes > 0;
  }
  report.Add("unacked", unacked_bytes, unacked_peers);
  return report;
}

std::vector<LogPosition> TwoLayer::Positions() const {
  std::vector<LogPosition> positions;
  for (const auto& log : replica().logs())
    if (log->window.head() > 1)
      positions.push_back({log->key.router, log->key.incarnation, log->window.floor(), log->window.head(),
                           log->window.sum, log->serial, log.get() == &replica().own()});
  std::sort(positions.begin(), positions.end(), [](const LogPosition& a, const LogPosition& b) {
    return std::tie(a.router, a.incarnation) < std::tie(b.router, b.incarnation);
  });
  return positions;
}

}  // namespace prefixmesh::two_layer
