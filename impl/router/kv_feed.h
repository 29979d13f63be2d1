// kv_feed.h — from KV events to the held index: what the recovery machine says is done to the index, in order and in
// turns, so that neither a decision nor the mesh loop waits for a dump.
//
//   source ──events, answers──► EventRecovery ──actions──► queue ──turns──► HeldIndex
//                                     ▲                                        │
//                                     └───────────── orphans ──────────────────┘
//
// Threads:   the mesh loop's; Figures from any. Ownership: borrows all. Time: through Clock and Executor. Errors:
//            counted. Bounds: recovery's; a turn is kBlocksInTurn blocks and one event; the queue has what the source
//            brought and is not taken yet (kv_source.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/kvevents/event_recovery.h"
#include "impl/kvevents/kv_source.h"
#include "impl/route/fleet.h"
#include "impl/tree/held_index.h"

namespace prefixmesh {

struct KvFeedFigures {
  std::uint64_t events = 0;               // heard live
  std::uint64_t stored = 0, removed = 0;  // blocks that the index was told
  std::uint64_t cleared = 0;              // times that all of a rank was forgotten: it was cleared, or began anew
  std::uint64_t asked = 0, replayed = 0;  // queries; events that their answers brought
  std::uint64_t replaced = 0;             // ranks by a dump
  std::uint64_t refused = 0;              // blocks that found no room
  std::uint64_t orphans = 0;              // stores below a block that is not known
  std::uint64_t streams = 0;              // open now
  std::optional<double> oldest_s;         // since the last event, the opening or the start, of who is silent longest
  kvevents::RecoveryCounters recovery;
  kvevents::KvSourceFigures source;
};

class KvFeed final : private kvevents::KvSourceSink {
 public:
  // `index` may be null: then nobody matches blocks, and what counts is that a worker was cleared or began anew.
  // `cleared` is told that, in its place among the events; it may be empty.
  KvFeed(Clock& clock, Executor& loop, const Fleet& fleet, HeldIndex* index, kvevents::KvSource& source,
         kvevents::Contract contract, std::function<void(WorkerIndex)> cleared = {});

  // Listens to these workers.
  void Start(const std::vector<WorkerIndex>& workers);
  void Stop();
  KvFeedFigures Figures() const PREFIXMESH_EXCLUDES(mutex_);

 private:
  // One thing to do to the index.
  struct Work {
    WorkerIndex worker;
    kvevents::StreamKey stream;
    std::vector<kvevents::KvEvent> events = {};
    bool forget = false;               // the worker's blocks, before anything else
    bool cleared = false;              // because the worker did so itself
    std::function<void()> taken = {};  // when it is done
  };
  struct Stream {
    bool open = false;
    std::uint64_t generation = 0;
    Time heard{0};
    bool told_closed = false;  // a line of the log says that it is not heard
  };

  void OnOpen(WorkerIndex worker, std::uint32_t rank, std::uint64_t generation, std::uint64_t newest) override;
  void OnLive(WorkerIndex worker, std::uint32_t rank, std::uint64_t generation, std::vector<kvevents::KvEvent> events,
              std::function<void()> taken) override;
  void OnClosed(WorkerIndex worker, std::uint32_t rank, const std::string& why) override;
  void OnAnswer(std::uint64_t ticket, WorkerIndex from, std::uint32_t rank, std::uint64_t generation,
                kvevents::Received received, std::function<void()> taken) override;

  kvevents::StreamKey KeyOf(WorkerIndex worker, std::uint32_t rank) const { return {fleet_.name(worker), rank}; }
  void Do(kvevents::Actions& actions);
  void Push(Work work);
  void PostTurn();
  void Turn();
  // Returns false where its turn is over before it is.
  bool Apply(Work& work, std::size_t& blocks_left, kvevents::Actions& actions);
  void Clear(WorkerIndex worker);
  void ApplyEvent(const Work& work, const kvevents::KvEvent& event, kvevents::Actions& actions);
  void Tick();
  void SweepTick();

  Clock& clock_;
  Executor& loop_;
  const Fleet& fleet_;
  HeldIndex* const index_;
  kvevents::KvSource& source_;
  kvevents::EventRecovery recovery_;
  const std::function<void(WorkerIndex)> cleared_;
  std::map<std::string, WorkerIndex> workers_;
  std::deque<Work> queue_;
  std::size_t done_of_front_ = 0;  // events of the first that are applied
  bool turn_posted_ = false, sweep_posted_ = false;
  std::atomic<bool> stopped_{false};
  std::optional<Time> tick_at_;
  std::vector<NodeId> ids_;  // scratch
  LogLimiter log_;

  mutable Mutex mutex_;
  KvFeedFigures figures_ PREFIXMESH_GUARDED_BY(mutex_);
  std::map<kvevents::StreamKey, Stream> streams_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace prefixmesh
