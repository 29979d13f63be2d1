// router_status.cc — what a router says of itself: the Status message, the phase figures and the periodic log lines.
// Nothing here walks, clones or encodes a tree; sizes are counters that are kept as things change.

#include <malloc.h>
#include <spdlog/spdlog.h>

#include "impl/node/router_node.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

void Fill(v1::Percentiles& out, const Histogram& histogram, double scale) {
  out.set_p50(static_cast<double>(histogram.Percentile(0.50)) * scale);
  out.set_p99(static_cast<double>(histogram.Percentile(0.99)) * scale);
  out.set_max(static_cast<double>(histogram.max()) * scale);
  out.set_mean(histogram.mean() * scale);
  out.set_count(histogram.count());
}

}  // namespace

void RouterNode::FillStatus(v1::RouterStatus& status) {
  status.set_name(options_.name);
  status.set_strategy(options_.strategy);
  status.set_in_flight(in_flight_.load(std::memory_order_relaxed));
  status.set_in_flight_bytes(in_flight_bytes_.load(std::memory_order_relaxed));
  status.set_requests_refused(refused_.load(std::memory_order_relaxed));
  status.set_requests_retried(retried_.load(std::memory_order_relaxed));
  status.set_workers_healthy(static_cast<std::uint32_t>(fleet_.healthy_count()));
  status.set_workers_count(static_cast<std::uint32_t>(own_workers_.size()));
  (*status.mutable_worker_words_refused())["incarnation"] = incarnations_refused_.load(std::memory_order_relaxed);
  (*status.mutable_worker_words_refused())["models"] = models_.refused();
  const struct mallinfo2 heap = mallinfo2();
  status.set_allocator_live_bytes(heap.uordblks + heap.hblkhd);

  const TreeSize size = trees_.Size();
  v1::IndexStatus& index = *status.mutable_index();
  index.set_kind(IndexKindName(options_.trees.kind));
  index.set_nodes(size.nodes);
  index.set_bytes(size.bytes);
  index.set_budget_bytes(size.budget_bytes);
  index.set_forgotten(size.forgotten);
  {
    constexpr double kMicros = 1e-3;
    MutexLock lock(figures_mutex_);
    Fill(*status.mutable_decision_us(), decision_ns_, kMicros);
    Fill(*status.mutable_decision_cpu_us(), decision_cpu_ns_, kMicros);
    Fill(*status.mutable_decision_cpu_us_phase(), decision_cpu_phase_ns_, kMicros);
    for (std::size_t reason = 1; reason < kDecisionReasonCount; ++reason)
      (*status.mutable_decisions())[DecisionReasonName(static_cast<DecisionReason>(reason))] = decisions_[reason];
  }

  v1::SyncStatus& sync = *status.mutable_sync();
  if (mesh_ == nullptr) return;
  const MeshStats stats = mesh_->Stats();
  const StrategyTraits& traits = strategy_->traits();
  const Time beat = traits.peer_tick_period.count() != 0 ? traits.peer_tick_period : traits.round_period;
  sync.set_round_ms(std::chrono::duration<double, std::milli>(beat).count());
  sync.set_rounds(stats.rounds);
  Fill(*sync.mutable_bytes_per_round(), stats.bytes_per_round, 1.0);
  sync.set_built_bytes(stats.built_bytes);
  sync.set_refused_bytes(stats.refused_bytes);
  sync.set_queued_bytes(stats.queued_bytes);
  sync.set_received_bytes(stats.received_bytes);
  for (std::uint16_t i = 0; i < stats.received_by_peer.size(); ++i)
    (*sync.mutable_received_bytes_by_peer())[mesh_->peer_name(PeerIndex{i})] = stats.received_by_peer[i];
  for (const auto& [reason, count] : transport_->Refusals()) (*sync.mutable_streams_refused())[reason] = count;
  const GrpcSyncTransport::WireBytes wire = transport_->SampleWireBytes();
  sync.set_wire_sent_bytes(wire.sent);
  sync.set_wire_received_bytes(wire.received);
  sync.set_messages(stats.messages);
  for (std::size_t i = 0; i < kLayerCount; ++i) {
    v1::LayerTotals& layer = (*sync.mutable_by_layer())[LayerName(static_cast<Layer>(i))];
    layer.set_bytes(stats.by_layer[i].bytes);
    layer.set_messages(stats.by_layer[i].messages);
  }
  sync.set_oversize_warnings(stats.oversize_warnings);
  const RecordCounts& records = stats.strategy.records;
  sync.set_records_local(records.local);
  sync.set_records_sent(records.sent);
  sync.set_records_received(records.received);
  sync.set_records_applied(records.applied);
  sync.set_records_stale(records.stale);
  sync.set_records_unresolved(records.unresolved);
  sync.set_cpu_seconds(std::chrono::duration<double>(loop_.CpuUsed()).count());
  sync.set_peers_up(stats.peers_up);
  sync.set_offers_dropped(stats.offers_dropped);
  for (std::size_t i = 0; i < stats.strategy.reject_count; ++i)
    if (const StrategyReport::Rejects& rejects = stats.strategy.rejects[i]; rejects.count > 0)
      (*sync.mutable_decode_errors())[rejects.reason] = rejects.count;
  if (stats.strategy.unknown_frames > 0)
    (*sync.mutable_decode_errors())["unknown_kind"] = stats.strategy.unknown_frames;
  if (stats.strategy.reject_count == 0 && stats.strategy.decode_errors > 0)
    (*sync.mutable_decode_errors())["frame"] = stats.strategy.decode_errors;
}

void RouterNode::BeginPhase(std::string_view phase) {
  spdlog::debug("phase {}", phase);
  {
    MutexLock lock(figures_mutex_);
    decision_cpu_phase_ns_.Reset();
    if (phase != "load") return;
    decision_ns_.Reset();
    decision_cpu_ns_.Reset();
    decisions_.fill(0);
  }
  if (mesh_ != nullptr) mesh_->ResetPhaseFigures();
}

void RouterNode::Positions(std::function<void(const v1::SyncPositions&)> done) {
  if (mesh_ == nullptr) return done({});
  loop_.Post([this, peers_up = mesh_->Stats().peers_up, done = std::move(done)] {
    v1::SyncPositions reply;
    reply.set_peers_up(peers_up);
    for (const LogPosition& log : strategy_->Positions()) {
      v1::LogPosition& row = *reply.add_logs();
      row.set_router(log.router);
      row.set_incarnation(log.incarnation.value);
      row.set_floor(log.floor);
      row.set_head(log.head);
      row.set_sum(log.sum);
    }
    done(reply);
  });
}

// ---- log lines ------------------------------------------------------------------------------------------------------

void RouterNode::LogSizes(const char* occasion) {
  const TreeSize all = trees_.Size();
  spdlog::info("{}: index {} bytes={} nodes={} budget={} forgotten={}", occasion, IndexKindName(options_.trees.kind),
               all.bytes, all.nodes, all.budget_bytes, all.forgotten);
  trees_.ForEachScope([&](std::string_view model, const char* kind, std::uint64_t nodes, std::uint64_t bytes) {
    spdlog::info("{}: index model={} kind={} bytes={} nodes={}", occasion, model, kind, bytes, nodes);
  });
  if (mesh_ == nullptr) return;
  const StrategyReport report = strategy_->Report();
  for (std::size_t i = 0; i < report.buffer_count; ++i)
    spdlog::info("{}: buffer {} bytes={} entries={}", occasion, report.buffers[i].name, report.buffers[i].bytes,
                 report.buffers[i].entries);
  for (std::uint16_t i = 0; i < options_.sync.peers.size(); ++i)
    spdlog::info("{}: queue peer={} bytes={}", occasion, options_.sync.peers[i].name,
                 transport_->QueuedBytes(PeerIndex{i}));
}

void RouterNode::LogBeat() {
  LogSizes("sizes");
  loop_.PostAt(clock_.Now() + options_.log_period, [this] { LogBeat(); });
}

void RouterNode::EvictionBeat() {
  trees_.EvictAll();
  LogSizes("eviction pass");
  loop_.PostAt(clock_.Now() + options_.eviction_period, [this] { EvictionBeat(); });
}

}  // namespace prefixmesh
