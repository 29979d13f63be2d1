#include "impl/mesh/mesh.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

#include "impl/base/check.h"
#include "impl/base/printable.h"
#include "impl/base/seeded_bug.h"
#include "impl/wire/gzip_frame.h"

namespace prefixmesh {
namespace {

const char* SendOutcomeName(SendOutcome outcome) {
  switch (outcome) {
    case SendOutcome::kQueued:
      return "queued";
    case SendOutcome::kFull:
      return "full";
    case SendOutcome::kClosed:
      return "closed";
    case SendOutcome::kTooBig:
      return "too_big";
  }
  return "unknown";
}

}  // namespace

void MeshSink::Refuse(const char* action) {
  spdlog::critical("a strategy wants {} of trees that have no place for it", action);
  PREFIXMESH_CHECK(false);
  std::abort();  // CHECK has ended the process
}

Mesh::Mesh(Clock& clock, Executor& loop, SyncStrategy& strategy, MeshSink& sink, std::vector<std::string> peers)
    : clock_(clock),
      loop_(loop),
      strategy_(strategy),
      sink_(sink),
      peers_(std::move(peers)),
      actions_([this](Action change) { Execute(std::move(change)); }),
      epochs_(peers_.size(), 0),
      up_(peers_.size(), false),
      streams_(peers_.size()) {
  MutexLock lock(stats_mutex_);
  stats_.received_by_peer.assign(peers_.size(), 0);
}

void Mesh::Start(SyncTransport& transport, FrameForm form) {
  transport_ = &transport;
  form_ = form;
  const Time period = strategy_.traits().round_period;
  if (period.count() == 0) return;
  const Time first = clock_.Now() + period;
  loop_.PostAt(first, [this, first] { Tick(first); });
}

// ---- offers ---------------------------------------------------------------------------------------------------------

bool Mesh::Offer(const PlacementView& placement) {
  std::optional<prefixmesh::Offer> offer = strategy_.Capture(placement);
  if (!offer.has_value()) return true;
  const std::size_t bytes = offer->bytes();
  MutexLock lock(offers_mutex_);
  if (!TakeRoom(bytes)) {
    ++offers_dropped_;
    return false;
  }
  offers_.emplace_back(std::move(*offer));
  return true;
}

void Mesh::OfferRemoval(Removal removal) {
  const bool tells = Tells(strategy_.traits().tells_removals, removal);
  MutexLock lock(offers_mutex_);
  if (!tells) {
    ++removals_.untold;
  } else if (!TakeRoom(removal.bytes())) {
    ++removals_.dropped;
  } else {
    ++removals_.told;
    offers_.emplace_back(std::move(removal));
  }
}

bool Mesh::TakeRoom(std::uint64_t bytes) {
  if (offers_bytes_ + bytes > strategy_.traits().offer_bytes) return false;
  offers_bytes_ += bytes;
  return true;
}

void Mesh::DrainOffers() {
  {
    MutexLock lock(offers_mutex_);
    taken_.swap(offers_);
    offers_bytes_ = 0;
  }
  if (Seeded(Bug::kremoval_overtakes))
    std::stable_partition(taken_.begin(), taken_.end(),
                          [](const Offered& each) { return std::holds_alternative<Removal>(each); });
  const Time now = clock_.Now();
  for (Offered& offered : taken_) {
    if (stopping_.load(std::memory_order_relaxed)) break;
    if (auto* offer = std::get_if<prefixmesh::Offer>(&offered)) {
      strategy_.OnPlacement(now, std::move(*offer), actions_);
    } else {
      strategy_.OnRemoval(now, std::get<Removal>(offered), actions_);
    }
  }
  taken_.clear();
}

// ---- beats ----------------------------------------------------------------------------------------------------------

void Mesh::Tick(Time due) {
  if (stopping_.load(std::memory_order_relaxed)) return;
  DrainOffers();
  strategy_.OnRound(clock_.Now(), actions_);
  Execute();
  PublishReport();
  // A late tick is not made up for: the next one is a whole period on, in phase.
  const Time period = strategy_.traits().round_period;
  Time next = due + period;
  const Time now = clock_.Now();
  if (next <= now) next += period * ((now - next) / period + 1);
  loop_.PostAt(next, [this, next] { Tick(next); });
}

void Mesh::PeerTick(PeerIndex peer, std::uint64_t epoch, Time due) {
  if (!up_[peer.value] || epochs_[peer.value] != epoch) return;
  DrainOffers();
  strategy_.OnPeerTick(clock_.Now(), peer, actions_);
  Execute();
  const Time next = std::max(due + strategy_.traits().peer_tick_period, clock_.Now());
  loop_.PostAt(next, [this, peer, epoch, next] { PeerTick(peer, epoch, next); });
}

// Ends a tick: what was built since the last one is one entry of bytes_per_round.
void Mesh::PublishReport() {
  const StrategyReport report = strategy_.Report();
  LogTrims(report.trims);
  MutexLock lock(stats_mutex_);
  stats_.strategy = report;
  ++stats_.rounds_ended;
  if (built_in_beat_ == 0) return;
  ++stats_.rounds;
  stats_.bytes_per_round.Record(built_in_beat_);
  SPDLOG_DEBUG("round bytes={}", built_in_beat_);
  built_in_beat_ = 0;
}

// One line per kind and limiter's period, with all that grew since the last.
void Mesh::LogTrims(const Trims& trims) {
  for (std::size_t i = 0; i < kTrimCount; ++i) {
    const auto kind = static_cast<Trim>(i);
    const Trims::Counts &now = trims.Of(kind), &logged = trims_logged_.Of(kind);
    if (now.times == logged.times || !trim_log_.Allow(TrimName(kind), clock_.Now())) continue;
    spdlog::info("sync trim: kind={} times={} entries={} times_total={} entries_total={}", TrimName(kind),
                 now.times - logged.times, now.entries - logged.entries, now.times, now.entries);
    trims_logged_.Take(kind, now);
  }
}

// ---- actions --------------------------------------------------------------------------------------------------------

void Mesh::Execute() {
  // Carrying out a send may add actions (its result); they run after those already there.
  for (std::size_t i = 0; i < actions_.size(); ++i) Execute(Action(std::move(actions_[i])));
  actions_.clear();
}

void Mesh::Execute(Action action) {
  std::visit([this](auto& each) { Execute(std::move(each)); }, action);
}

void Mesh::Execute(SendFrame action) {
  const std::uint64_t bytes = action.frame.size();
  PREFIXMESH_CHECK(action.control_bytes <= bytes);
  const bool same_stream = streams_[action.peer.value] == epochs_[action.peer.value];
  if (same_stream && strategy_.traits().gzip && form_ == FrameForm::kGzipped)
    action.frame = GzipFrame(std::move(action.frame));
  const std::uint64_t frame_bytes = action.frame.size();
  const SendOutcome outcome =
      same_stream ? transport_->Send(action.peer, std::move(action.frame)) : SendOutcome::kClosed;
  built_in_beat_ += bytes;
  {
    MutexLock lock(stats_mutex_);
    stats_.built_bytes += bytes;
    ++stats_.sends_by_outcome[SendOutcomeName(outcome)];
    if (outcome == SendOutcome::kQueued) {
      stats_.queued_bytes += bytes;
      ++stats_.messages;
    } else {
      stats_.refused_bytes += bytes;
      stats_.oversize[static_cast<std::size_t>(Oversize::kTransport)] += outcome == SendOutcome::kTooBig;
    }
    LayerTotal& layer = stats_.by_layer[static_cast<std::size_t>(action.layer)];
    layer.oversize += outcome == SendOutcome::kTooBig;
    layer.bytes += bytes - action.control_bytes;
    layer.messages += bytes > action.control_bytes;
    LayerTotal& control = stats_.by_layer[static_cast<std::size_t>(Layer::kControl)];
    control.bytes += action.control_bytes;
    control.messages += action.control_bytes == bytes;
  }
  if (outcome == SendOutcome::kTooBig) {
    LogOversize(Oversize::kTransport, action.peer, action.layer, "", frame_bytes, strategy_.traits().frame_bytes);
    if (strategy_.traits().oversize_ends_stream) Execute(CloseStream{action.peer, "oversize", true});
  }
  if (action.token != 0) strategy_.OnSendResult(clock_.Now(), action.peer, action.token, outcome, actions_);
}

void Mesh::Execute(const RefuseFrame& action) {
  LogOversize(action.kind, action.peer, action.layer, action.model, action.bytes, action.limit_bytes);
  built_in_beat_ += action.bytes;
  MutexLock lock(stats_mutex_);
  stats_.built_bytes += action.bytes;
  stats_.refused_bytes += action.bytes;
  ++stats_.oversize[static_cast<std::size_t>(action.kind)];
  LayerTotal& layer = stats_.by_layer[static_cast<std::size_t>(action.layer)];
  layer.bytes += action.bytes;
  ++layer.oversize;
}

void Mesh::LogOversize(Oversize kind, PeerIndex peer, Layer layer, std::string_view model, std::uint64_t bytes,
                       std::uint64_t limit_bytes) {
  const std::string& name = peers_[peer.value];
  if (const auto held_back = peer_log_.Allow(name + " refused " + std::string(OversizeName(kind)), clock_.Now()))
    spdlog::info("sync refused: kind={} peer={} model={} layer={} bytes={} limit={}{}", OversizeName(kind), name,
                 Printable(model), LayerName(layer), bytes, limit_bytes, HeldBackNote(*held_back));
}

void Mesh::Execute(const RejectFrame& action) {
  const std::string& peer = peers_[action.peer.value];
  if (const auto held_back = peer_log_.Allow(peer + " rejected " + action.kind, clock_.Now()))
    spdlog::warn("sync frame not taken: kind={} peer={} model={}{}", action.kind, peer,
                 action.model.empty() ? "-" : Printable(action.model), HeldBackNote(*held_back));
}

void Mesh::Execute(const CloseStream& action) {
  const std::string& peer = peers_[action.peer.value];
  if (const auto held_back = peer_log_.Allow(peer + " closed " + action.reason, clock_.Now()))
    spdlog::warn("sync stream to {} closed: {}{}", peer, action.reason, HeldBackNote(*held_back));
  {
    MutexLock lock(stats_mutex_);
    ++stats_.closed_by_reason[action.reason];
    stats_.streams_ended_by_size += action.by_size;
  }
  transport_->Close(action.peer);
}

// ---- streams --------------------------------------------------------------------------------------------------------

void Mesh::OnStreamUp(PeerIndex peer, StreamRole role) {
  const std::uint64_t epoch = ++streams_[peer.value];
  loop_.Post([this, peer, role, epoch] {
    epochs_[peer.value] = epoch;
    up_[peer.value] = true;
    {
      MutexLock lock(stats_mutex_);
      ++stats_.peers_up;
      ++stats_.streams_opened;
    }
    if (const auto held_back = peer_log_.Allow(peers_[peer.value] + " up", clock_.Now()))
      spdlog::info("sync stream up: peer={} role={}{}", peers_[peer.value],
                   role == StreamRole::kDialer ? "dialer" : "server", HeldBackNote(*held_back));
    strategy_.OnPeerUp(clock_.Now(), peer, role, actions_);
    Execute();
    const Time period = strategy_.traits().peer_tick_period;
    if (period.count() == 0) return;
    const Time first = clock_.Now() + period;
    loop_.PostAt(first, [this, peer, epoch, first] { PeerTick(peer, epoch, first); });
  });
}

void Mesh::OnStreamDown(PeerIndex peer) {
  ++streams_[peer.value];
  loop_.Post([this, peer] {
    if (!up_[peer.value]) return;
    up_[peer.value] = false;
    {
      MutexLock lock(stats_mutex_);
      --stats_.peers_up;
    }
    if (const auto held_back = peer_log_.Allow(peers_[peer.value] + " down", clock_.Now()))
      spdlog::info("sync stream down: peer={}{}", peers_[peer.value], HeldBackNote(*held_back));
    strategy_.OnPeerDown(clock_.Now(), peer, actions_);
    Execute();
  });
}

void Mesh::OnFrame(PeerIndex peer, std::string frame) {
  const std::uint64_t epoch = streams_[peer.value];
  loop_.Post([this, peer, epoch, bytes = std::move(frame)]() mutable {
    bool taken = up_[peer.value] && epochs_[peer.value] == epoch;
    if (taken && strategy_.traits().gzip && IsGzip(AsBytes(bytes))) {
      Result<std::string> plain = InflateFrame(AsBytes(bytes), strategy_.traits().inflated_bytes);
      taken = plain.ok();
      if (taken) {
        bytes = std::move(*plain);  // what came goes with `plain`
      } else {
        Execute(CloseStream{peer, "bad_gzip", plain.error().code == ErrorCode::kTooBig});
      }
    }
    if (taken) {
      {
        MutexLock lock(stats_mutex_);
        stats_.received_bytes += bytes.size();
        stats_.received_by_peer[peer.value] += bytes.size();
      }
      if (strategy_.traits().offers_before_frames) DrainOffers();
      strategy_.OnFrame(clock_.Now(), peer, AsBytes(bytes), actions_);
      Execute();
    }
    transport_->FrameHandled(peer);
  });
}

// ---- reading --------------------------------------------------------------------------------------------------------

MeshStats Mesh::Stats() const {
  MeshStats stats;
  {
    MutexLock lock(stats_mutex_);
    stats = stats_;
  }
  MutexLock lock(offers_mutex_);
  stats.offers_dropped = offers_dropped_;
  stats.removals = removals_;
  return stats;
}

void Mesh::ResetPhaseFigures() {
  MutexLock lock(stats_mutex_);
  stats_.bytes_per_round.Reset();
}

}  // namespace prefixmesh
