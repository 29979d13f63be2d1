// kv_source.h — where KV events come from, as a router sees it: live ones, and answers to what it asks.
//
// A source tries again by itself as long as it listens. Of what it brings the router believes the numbers: what was
// missed while a stream was away is asked for when it is open again.
//
// Threads: Listen and Query on the mesh loop, where the sink's calls come, too; Stop from any. Ownership: borrows the
// sink until Stop. Errors: no answer is NoAnswer. Time: deadlines are the source's. Bounds: of one stream at most one
// message waits to be taken; an answer has at most kAnswerBytesMax, and no other is asked for while many bytes of
// answers are not taken.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/kvevents/event_recovery.h"
#include "impl/kvevents/kv_event.h"

namespace prefixmesh::kvevents {

inline constexpr std::size_t kAnswerBytesMax = 64u << 20;  // of BytesOf

class KvSourceSink {
 public:
  // A stream is open: what is above `newest` will be told. Another generation than before means that the numbers began
  // anew.
  virtual void OnOpen(WorkerIndex worker, std::uint32_t rank, std::uint64_t generation, std::uint64_t newest) = 0;
  // `taken` is called when there is room for more.
  virtual void OnLive(WorkerIndex worker, std::uint32_t rank, std::uint64_t generation, std::vector<KvEvent> events,
                      std::function<void()> taken) = 0;
  virtual void OnClosed(WorkerIndex worker, std::uint32_t rank, const std::string& why) = 0;
  // Exactly once for each Query.
  virtual void OnAnswer(std::uint64_t ticket, WorkerIndex from, std::uint32_t rank, std::uint64_t generation,
                        Received received, std::function<void()> taken) = 0;

 protected:
  ~KvSourceSink() = default;
};

// What a source saw that the router cannot see in numbers (zmq_kv_source.h); of workers that number events themselves
// all is 0.
struct KvSourceFigures {
  std::uint64_t gaps = 0;        // times that batches were missed
  std::uint64_t incomplete = 0;  // times that all was forgotten, because what was missed is lost
  std::uint64_t dropped = 0;     // batches that waited and found no room
  std::uint64_t stale = 0;       // batches that were known already
  std::uint64_t unreadable = 0;  // batches
  std::uint64_t skipped = 0;     // events of other kinds, cache groups and ranks
  std::uint64_t orphans = 0;     // stores below a block that is not known
  std::uint64_t refused = 0;     // blocks that found no room, or contradict what is known
  std::uint64_t replayed = 0;    // of the events that were told, those that a replay brought
  std::uint64_t bytes = 0;       // of what is known of engines' blocks
};

class KvSource {
 public:
  virtual ~KvSource() = default;
  virtual void Listen(WorkerIndex worker, KvSourceSink& sink) = 0;
  virtual void Query(WorkerIndex worker, std::uint32_t rank, std::uint64_t ticket,
                     std::optional<std::uint64_t> start) = 0;
  virtual KvSourceFigures Figures() const { return {}; }  // any thread
  // Nothing is asked any more, and nothing brought but what the loop has begun. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace prefixmesh::kvevents
