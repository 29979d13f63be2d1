// router_status.cc — what a router says of itself: its report, the phase figures and the periodic log lines.
// Nothing here walks, clones or encodes a tree; sizes are counters that are kept as things change.

#include <malloc.h>
#include <spdlog/spdlog.h>

#include "impl/base/printable.h"
#include "impl/env/real/process.h"
#include "impl/figures/router_figures.h"
#include "impl/node/router_node.h"
#include "impl/node/size_figures.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

// Lines of one look at the index.
constexpr std::size_t kScopeLinesMax = 16;
constexpr double kMicros = 1e-3;  // per nanosecond

std::optional<double> Percentile(const Histogram& histogram, double share, double scale) {
  if (histogram.count() == 0) return std::nullopt;
  return static_cast<double>(histogram.Percentile(share)) * scale;
}

void SetDecisions(Readings& out, const Figure& figure, const Histogram& ns) {
  out.Set(figure, "p50", Percentile(ns, 0.50, kMicros));
  out.Set(figure, "p99", Percentile(ns, 0.99, kMicros));
}

}  // namespace

RouterReport RouterNode::Report() {
  RouterReport report{options_.name, options_.strategy, IndexKindName(core_.options().trees.kind), {}};
  Readings& out = report.readings;
  out.Set(RouterFigure("peak_rss_bytes"), PeakResidentBytes());
  const struct mallinfo2 heap = mallinfo2();
  const std::uint64_t live_bytes = heap.uordblks + heap.hblkhd;
  out.Set(RouterFigure("allocator_live_bytes"), live_bytes);
  const std::optional<std::uint64_t> resident = ResidentBytes();
  out.Set(RouterFigure("rss_above_live_bytes"),
          resident.has_value() ? std::optional(static_cast<double>(*resident) - static_cast<double>(live_bytes))
                               : std::nullopt);

  const TreeSize size = core_.trees().Size();
  out.Set(RouterFigure("index.nodes"), size.nodes);
  out.Set(RouterFigure("index.bytes"), size.bytes);
  out.Set(RouterFigure("index.budget_bytes"), size.budget_bytes);
  out.Set(RouterFigure("index.forgotten"), size.forgotten);

  out.Set(RouterFigure("requests.in_flight"), core_.admission().in_flight());
  out.Set(RouterFigure("requests.in_flight_bytes"), in_flight_bytes_.bytes());
  out.Set(RouterFigure("requests.refused"), in_flight_bytes_.refused());
  out.Set(RouterFigure("requests.retried"), core_.admission().retried());
  out.Set(RouterFigure("requests.picks"), picks_.figures().open);
  out.Set(RouterFigure("requests.picks_expired"), picks_.figures().expired);
  out.Set(RouterFigure("workers.healthy"), core_.fleet().healthy_count());
  out.Set(RouterFigure("workers.configured"), core_.own_workers().size());
  const GrpcWorkerChannels::Checks checks = channels_->checks();
  out.Set(RouterFigure("health.checks"), checks.sent);
  out.Set(RouterFigure("health.cpu_s"), std::chrono::duration<double>(checks.asking + checks.answered).count());
  out.Set(RouterFigure("workers.words_refused.*"), "incarnation", core_.registers().refused());
  out.Set(RouterFigure("workers.words_refused.*"), "models", core_.models().refused());
  {
    MutexLock lock(figures_mutex_);
    for (std::size_t reason = 1; reason < kDecisionReasonCount; ++reason)
      out.Set(RouterFigure("decisions.*"), DecisionReasonName(static_cast<DecisionReason>(reason)), decisions_[reason]);
    SetDecisions(out, RouterFigure("decision_us.*"), decision_ns_);
    SetDecisions(out, RouterFigure("decision_cpu_us.*"), decision_cpu_ns_);
    out.Set(RouterFigure("decisions_since_phase"), decision_cpu_phase_ns_.count());
    out.Set(RouterFigure("decision_cpu_phase_us.p99"), Percentile(decision_cpu_phase_ns_, 0.99, kMicros));
  }
  ReadKvEvents(out);
  ReadSync(out);
  return report;
}

void RouterNode::ReadKvEvents(Readings& out) const {
  if (core_.kv_feed() == nullptr) return;
  const KvFeedFigures kv = core_.kv_feed()->Figures();
  out.Set(RouterFigure("kv_events.heard"), kv.events - std::min(kv.events, kv.source.replayed));
  const Figure& changes = RouterFigure("kv_events.changes.*");
  out.Set(changes, "stored", kv.stored);
  out.Set(changes, "removed", kv.removed);
  out.Set(changes, "cleared", kv.cleared);
  out.Set(changes, "refused", kv.refused + kv.source.refused);
  out.Set(RouterFigure("kv_events.queries"), kv.asked);
  out.Set(RouterFigure("kv_events.replayed"), kv.replayed + kv.source.replayed);
  const Figure& troubles = RouterFigure("kv_events.troubles.*");
  out.Set(troubles, "gap", kv.recovery.gaps + kv.source.gaps);
  out.Set(troubles, "orphan", kv.orphans + kv.source.orphans);
  out.Set(troubles, "stale", kv.recovery.stale + kv.source.stale);
  out.Set(troubles, "dropped", kv.recovery.dropped + kv.source.dropped);
  out.Set(troubles, "failed", kv.recovery.failed);
  out.Set(troubles, "discarded", kv.recovery.discarded);
  out.Set(troubles, "fenced", kv.recovery.fenced);
  out.Set(troubles, "incomplete", kv.source.incomplete);
  out.Set(troubles, "unreadable", kv.source.unreadable);
  out.Set(troubles, "skipped", kv.source.skipped);
  out.Set(RouterFigure("kv_events.engine_bytes"), kv.source.bytes);
  out.Set(RouterFigure("kv_events.streams"), kv.streams);
  out.Set(RouterFigure("kv_events.silent_s"), kv.oldest_s);
}

// A router without peers has built and received nothing: its counts are 0.
void RouterNode::ReadSync(Readings& out) {
  const Mesh* const mesh = core_.mesh();
  MeshStats stats = mesh != nullptr ? mesh->Stats() : MeshStats{};
  std::optional<double> round_ms;
  std::optional<std::uint64_t> rounds_ended;
  std::uint64_t sent = 0, received = 0;
  if (mesh != nullptr) {
    const StrategyTraits& traits = core_.strategy()->traits();
    const Time tick = traits.peer_tick_period.count() != 0 ? traits.peer_tick_period : traits.round_period;
    round_ms = std::chrono::duration<double, std::milli>(tick).count();
    if (traits.round_period.count() != 0) rounds_ended = stats.rounds_ended;
    const GrpcSyncTransport::WireBytes wire = transport_->SampleWireBytes();
    sent = wire.sent;
    received = wire.received;
    for (const auto& [reason, count] : transport_->Refusals()) {
      out.Set(RouterFigure("sync.streams_refused.*"), reason, count);
      if (reason == kOversizedRefusal) stats.streams_ended_by_size += count;
    }
    for (const auto& [reason, count] : transport_->ConnectionRefusals())
      out.Set(RouterFigure("sync.connections_refused.*"), reason, count);
  }
  out.Set(RouterFigure("sync.round_ms"), round_ms);
  out.Set(RouterFigure("sync.rounds"), stats.rounds);
  out.Set(RouterFigure("sync.rounds_ended"), rounds_ended);
  const Histogram& round = stats.bytes_per_round;
  out.Set(RouterFigure("sync.bytes_per_round.mean"), round.count() > 0 ? std::optional(round.mean()) : std::nullopt);
  out.Set(RouterFigure("sync.bytes_per_round.p50"), Percentile(round, 0.50, 1));
  out.Set(RouterFigure("sync.bytes_per_round.p99"), Percentile(round, 0.99, 1));
  out.Set(RouterFigure("sync.bytes_per_round.max"), Percentile(round, 1, 1));
  out.Set(RouterFigure("sync.built_bytes"), stats.built_bytes);
  out.Set(RouterFigure("sync.refused_bytes"), stats.refused_bytes);
  out.Set(RouterFigure("sync.queued_bytes"), stats.queued_bytes);
  for (std::uint16_t i = 0; i < stats.received_by_peer.size(); ++i)
    out.Set(RouterFigure("sync.received_bytes.*"), mesh->peer_name(PeerIndex{i}), stats.received_by_peer[i]);
  out.Set(RouterFigure("sync.wire_bytes"), sent);
  out.Set(RouterFigure("sync.wire_received_bytes"), received);
  out.Set(RouterFigure("sync.messages"), stats.messages);
  for (std::size_t i = 0; i < kLayerCount; ++i) {
    const char* layer = LayerName(static_cast<Layer>(i));
    out.Set(RouterFigure("sync.by_layer.*.bytes"), layer, stats.by_layer[i].bytes);
    out.Set(RouterFigure("sync.by_layer.*.messages"), layer, stats.by_layer[i].messages);
  }
  ReadSizes(stats, out);
  out.Set(RouterFigure("sync.offers_dropped"), stats.offers_dropped);
  out.Set(RouterFigure("sync.removals.*"), "told", stats.removals.told);
  out.Set(RouterFigure("sync.removals.*"), "untold", stats.removals.untold);
  out.Set(RouterFigure("sync.removals.*"), "dropped", stats.removals.dropped);
  out.Set(RouterFigure("sync.removals.*"), "stale", core_.stale_removals());
  const RecordCounts& records = stats.strategy.records;
  out.Set(RouterFigure("sync.records.*"), "local", records.local);
  out.Set(RouterFigure("sync.records.*"), "sent", records.sent);
  out.Set(RouterFigure("sync.records.*"), "received", records.received);
  out.Set(RouterFigure("sync.records.*"), "applied", records.applied);
  out.Set(RouterFigure("sync.records.*"), "stale", records.stale);
  out.Set(RouterFigure("sync.records.*"), "unresolved", records.unresolved);
  const Figure& errors = RouterFigure("sync.decode_errors.*");
  for (std::size_t i = 0; i < stats.strategy.reject_count; ++i)
    if (const StrategyReport::Rejects& rejects = stats.strategy.rejects[i]; rejects.count > 0)
      out.Set(errors, rejects.reason, rejects.count);
  if (stats.strategy.unknown_frames > 0) out.Set(errors, "unknown_kind", stats.strategy.unknown_frames);
  if (stats.strategy.reject_count == 0 && stats.strategy.decode_errors > 0)
    out.Set(errors, "frame", stats.strategy.decode_errors);
  out.Set(RouterFigure("sync.peers_up"), std::uint64_t{stats.peers_up});
  out.Set(RouterFigure("sync.streams_opened"), stats.streams_opened);
  for (const auto& [reason, count] : stats.closed_by_reason)
    out.Set(RouterFigure("sync.streams_closed.*"), reason, count);
  for (const auto& [outcome, count] : stats.sends_by_outcome) out.Set(RouterFigure("sync.sends.*"), outcome, count);
  for (std::size_t i = 0; i < stats.strategy.buffer_count; ++i) {
    const auto& buffer = stats.strategy.buffers[i];
    out.Set(RouterFigure("sync.buffers.*.bytes"), buffer.name, buffer.bytes);
    out.Set(RouterFigure("sync.buffers.*.entries"), buffer.name, buffer.entries);
  }
  // Checks are sent from the mesh loop; what follows a reply at once counts as taking the reply.
  const Time loop = std::max(loop_.CpuUsed() - channels_->checks().asking, Time{0});
  out.Set(RouterFigure("sync.cpu_s"), std::chrono::duration<double>(loop).count());
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
  if (core_.has_sync()) core_.mesh()->ResetPhaseFigures();
}

void RouterNode::Positions(std::function<void(const v1::SyncPositions&)> done) {
  if (!core_.has_sync()) return done({});
  loop_.Post([this, peers_up = core_.mesh()->Stats().peers_up, done = std::move(done)] {
    v1::SyncPositions reply;
    reply.set_peers_up(peers_up);
    for (const LogPosition& log : core_.strategy()->Positions()) {
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
  const TreeSize all = core_.trees().Size();
  spdlog::info("{}: index {} bytes={} nodes={} budget={} forgotten={}", occasion,
               IndexKindName(core_.options().trees.kind), all.bytes, all.nodes, all.budget_bytes, all.forgotten);
  // Strangers' words make models; a page of the log for each of them would be theirs to ask for.
  std::size_t scopes = 0;
  core_.trees().ForEachScope([&](std::string_view model, const char* kind, std::uint64_t nodes, std::uint64_t bytes) {
    if (++scopes > kScopeLinesMax) return;
    spdlog::info("{}: index model={} kind={} bytes={} nodes={}", occasion, Printable(model), kind, bytes, nodes);
  });
  if (scopes > kScopeLinesMax) spdlog::info("{}: index {} more of models", occasion, scopes - kScopeLinesMax);
  if (!core_.has_sync()) return;
  const StrategyReport report = core_.strategy()->Report();
  for (std::size_t i = 0; i < report.buffer_count; ++i)
    spdlog::info("{}: buffer {} bytes={} entries={}", occasion, report.buffers[i].name, report.buffers[i].bytes,
                 report.buffers[i].entries);
  for (std::uint16_t i = 0; i < options_.sync.peers.size(); ++i)
    spdlog::info("{}: queue peer={} bytes={}", occasion, options_.sync.peers[i].name,
                 transport_->QueuedBytes(PeerIndex{i}));
}

void RouterNode::LogTick() {
  LogSizes("sizes");
  loop_.PostAt(clock_.Now() + options_.log_period, [this] { LogTick(); });
}

}  // namespace prefixmesh
