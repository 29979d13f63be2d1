// mesh.h — start here for rounds: drives one strategy on the mesh loop and carries out its actions.
//
// Requests offer placements into one bounded queue, and what hears workers offers their removals; transport threads
// post frames; the loop runs the strategy's events one at a time and carries out its actions in order, changes of trees
// and fleet as they are made (Actions). All byte counts of the result's `sync` section are taken here, the same way for
// every strategy.
//
// Frames of strategies with traits().gzip are gzipped and inflated here, within traits().inflated_bytes: a frame that
// says it is more, or does not inflate, ends the stream (bad_gzip). What came is freed before the inflated bytes are
// handled: those are the frame beside which strategy.h bounds the heap. All figures count plain frames.
//
// Threads:  Offer, OfferRemoval and Stats from any thread; the SyncTransportObserver calls from transport threads; all
//           else from the mesh loop (the executor). Holds and Report must be asked on the loop.
// Bounds:   the offer queue holds traits().offer_bytes; what does not fit is dropped and counted: of a removal peers
//           then believe what this router does not. One frame per peer is between the transport and the loop: the next
//           is read when it was handled.
// Ownership: borrows everything it is given; they must outlive it. Time: from Clock.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "impl/base/histogram.h"
#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/sync/strategy.h"

namespace prefixmesh {

// Carries out what a strategy wants changed outside itself. What its kind of trees has no place for is a strategy on
// the wrong kind, which nothing a peer says can bring about: a CHECK. Called on the mesh loop.
class MeshSink {
 public:
  virtual ~MeshSink() = default;
  virtual void Apply(ApplyPrompt) { Refuse("ApplyPrompt"); }
  virtual void Apply(const ApplySnapshot&) { Refuse("ApplySnapshot"); }
  virtual void Apply(const ForgetTenant&) { Refuse("ForgetTenant"); }
  virtual void Apply(const ApplyIds&) { Refuse("ApplyIds"); }
  virtual void Apply(const RetractIds&) { Refuse("RetractIds"); }
  virtual void Apply(const RetractBelow&) { Refuse("RetractBelow"); }
  virtual void Apply(const MoveRefreshMark&) { Refuse("MoveRefreshMark"); }
  virtual void Apply(const ApplyLoad&) { Refuse("ApplyLoad"); }
  virtual void Apply(const ForgetLoads&) { Refuse("ForgetLoads"); }
  virtual void Apply(const ApplyRegister&) { Refuse("ApplyRegister"); }

 private:
  [[noreturn]] static void Refuse(const char* action);
};

struct LayerTotal {
  std::uint64_t bytes = 0;
  std::uint64_t messages = 0;
  std::uint64_t oversize = 0;  // of what was refused or skipped
};

// What became of removals: handed to the strategy, not told by it (traits().tells_removals), or refused by the queue.
struct RemovalCounts {
  std::uint64_t told = 0, untold = 0, dropped = 0;
};

struct MeshStats {
  std::uint64_t rounds_ended = 0;
  std::uint64_t rounds = 0;  // of those that ended: that built something
  std::uint64_t built_bytes = 0;
  std::uint64_t refused_bytes = 0;
  std::uint64_t queued_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t messages = 0;
  std::array<std::uint64_t, kOversizeCount> oversize{};  // by layer, too: by_layer
  std::uint64_t streams_ended_by_size = 0;               // by this router, because of a frame or what one says it is
  std::uint64_t offers_dropped = 0;
  RemovalCounts removals;
  std::uint64_t streams_opened = 0;
  std::uint32_t peers_up = 0;
  std::array<LayerTotal, kLayerCount> by_layer{};
  std::vector<std::uint64_t> received_by_peer;
  std::map<std::string, std::uint64_t> sends_by_outcome;
  std::map<std::string, std::uint64_t> closed_by_reason;
  StrategyReport strategy;
  Histogram bytes_per_round;  // of the current phase
};

// How frames of strategies that gzip are handed to the transport. A simulated network takes them plain, so that what it
// handed over does not depend on zlib. What arrives may be either.
enum class FrameForm : std::uint8_t { kPlain, kGzipped };

class Mesh final : public SyncTransportObserver {
 public:
  // `peers` are the names of the peer routers, in PeerIndex order.
  Mesh(Clock& clock, Executor& loop, SyncStrategy& strategy, MeshSink& sink, std::vector<std::string> peers);

  // Starts the ticks. Before any other event.
  void Start(SyncTransport& transport, FrameForm form = FrameForm::kPlain);

  // Nothing is told to the strategy any more, whatever waits: for a process that ends. Any thread.
  void Stop() { stopping_.store(true, std::memory_order_relaxed); }

  // Request thread: tells the strategy of one placement. False: the queue was full and the placement was not told.
  bool Offer(const PlacementView& placement);
  // Tells the strategy what a worker dropped, if it tells such removals, after all that was offered before.
  void OfferRemoval(Removal removal);

  void OnStreamUp(PeerIndex peer, StreamRole role) override;
  void OnStreamDown(PeerIndex peer) override;
  void OnFrame(PeerIndex peer, std::string frame) override;

  MeshStats Stats() const;
  // A new phase begins: figures that belong to one phase start again.
  void ResetPhaseFigures();

  SyncStrategy& strategy() { return strategy_; }
  const std::string& peer_name(PeerIndex peer) const { return peers_[peer.value]; }

 private:
  void Tick(Time due);
  void PeerTick(PeerIndex peer, std::uint64_t epoch, Time due);
  // Whether the offer queue has room for so much; then it is taken.
  bool TakeRoom(std::uint64_t bytes) PREFIXMESH_REQUIRES(offers_mutex_);
  void DrainOffers();
  void Execute();
  void Execute(Action action);
  void Execute(SendFrame action);
  void Execute(const RefuseFrame& action);
  void LogOversize(Oversize kind, PeerIndex peer, Layer layer, std::string_view model, std::uint64_t bytes,
                   std::uint64_t limit_bytes);
  void Execute(const RejectFrame& action);
  void Execute(const CloseStream& action);
  template <typename ToSink>
  void Execute(ToSink action) {
    sink_.Apply(std::move(action));
  }
  void PublishReport();
  void LogTrims(const Trims& trims);

  Clock& clock_;
  Executor& loop_;
  SyncStrategy& strategy_;
  MeshSink& sink_;
  const std::vector<std::string> peers_;
  SyncTransport* transport_ = nullptr;
  FrameForm form_ = FrameForm::kPlain;

  std::atomic<bool> stopping_{false};

  // Mesh loop only.
  Actions actions_;
  using Offered = std::variant<prefixmesh::Offer, Removal>;
  std::vector<Offered> taken_;
  std::vector<std::uint64_t> epochs_;  // per peer, which stream the strategy knows of
  std::vector<bool> up_;
  std::uint64_t built_in_beat_ = 0;
  LogLimiter peer_log_;  // by peer and reason: streams up, down and closed, frames not taken or too big
  LogLimiter trim_log_;  // by kind
  Trims trims_logged_;

  // Streams that came and went, by the transport. What was meant for one stream is never sent on, or taken from,
  // another that the strategy has not heard of yet.
  std::vector<std::atomic<std::uint64_t>> streams_;

  mutable Mutex offers_mutex_;
  std::vector<Offered> offers_ PREFIXMESH_GUARDED_BY(offers_mutex_);
  std::uint64_t offers_bytes_ PREFIXMESH_GUARDED_BY(offers_mutex_) = 0;
  std::uint64_t offers_dropped_ PREFIXMESH_GUARDED_BY(offers_mutex_) = 0;
  RemovalCounts removals_ PREFIXMESH_GUARDED_BY(offers_mutex_);

  mutable Mutex stats_mutex_;
  MeshStats stats_ PREFIXMESH_GUARDED_BY(stats_mutex_);
};

}  // namespace prefixmesh
