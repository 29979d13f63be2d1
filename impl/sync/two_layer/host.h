// host.h — the router that the streams belong to, as they see it: settings, what is replicated, the other streams, and
// what is counted.
//
// Threads: mesh loop. Ownership: owns replica and streams; `view` is borrowed. Errors: none. Time: `now` of each call.
// Bounds: those of replica.h; one stream per peer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "impl/sync/report.h"
#include "impl/sync/strategy.h"
#include "impl/sync/two_layer/options.h"
#include "impl/sync/two_layer/range_cache.h"
#include "impl/sync/two_layer/replica.h"

namespace prefixmesh::two_layer {

class Stream;

struct Host {
  // What was not taken, and what was not built.
  struct Counters {
    std::uint64_t decode_errors = 0;
    std::uint64_t unknown_frames = 0;
    std::uint64_t rejects[10] = {};  // by RefuseReason
    std::uint64_t acks_dropped = 0;
    std::uint64_t refusals_dropped = 0;
    std::uint64_t loads_clamped = 0;

    void Reject(RefuseReason reason) { ++rejects[static_cast<std::size_t>(reason)]; }
  };

  Host(Options host_options, const StrategyView& strategy_view);
  ~Host();

  // True while the log's owner talks to this router itself: from its hello on, before it said anything of its log.
  bool OwnerReached(Time now, const Log& log) const;
  // May this router take a new incarnation? A peer that forces it must not do so all the time.
  bool MayRestart(Time now) const { return restarted_at < Time{0} || now - restarted_at >= kHeartbeat; }
  // While records are on their way, digests differ without meaning anything: then one peer at a time is asked for its
  // vector, in turn. True: it is this one's turn.
  bool HasVectorTurn(Time now, PeerIndex peer) const;
  void PassVectorTurn(Time now);

  const Options options;
  const StrategyView& view;
  const Time peer_timeout;
  Replica replica;
  std::vector<std::unique_ptr<Stream>> streams;  // by PeerIndex; null: there is none
  RecordCounts records;
  Counters counters;
  Time restarted_at{-1};  // when this router last took a new incarnation
  RangeCache ranges;
  // Of the range in hand: its slots in this router's, and memory for a record.
  SlotMap slots;
  Record record;

 private:
  std::uint16_t vector_turn_ = 0;
  Time vector_turn_at_{0};
};

}  // namespace prefixmesh::two_layer
