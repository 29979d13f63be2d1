// event_recovery.h — the router side of KV events: of what streams bring and workers answer, what is to be done to the
// index, and what is to be asked. A pure state machine, (now, event) → actions.
//
//   Initial      nothing is known          a live event, or a discovery, asks for everything (Ask without a start)
//   Live(n)      applied through n         ≤ n is dropped, n + 1 applied, above n + 1 asks from n + 1 on
//   Invalidated  v2 only: another rank's clear cut the stream; what comes next is applied as it is
//
// While a stream is asked, what it says live waits (v3: kPendingMax events, the oldest go first; v2 keeps only the
// highest number, the high-water mark). An answer is applied, then what waited and follows; if something above is still
// missing it is asked for, once for however much it is: the coalesced tail.
//
// A clear is a barrier: everything of the stream below it is dead, so it is applied at once and an answer that is under
// way is discarded when it comes. The high-water mark outlives it only when strictly greater. In v2 it is the whole
// worker's, in v3 the rank's.
//
// v3 beyond that: numbers that begin anew under a new generation, live or in an answer, empty the rank; the watermark
// never goes back but with a dump; a tail is asked for only after progress; what waited behind a clear is not
// forgotten; a dump that failed changes nothing; an answer of another stream fences the rank until it is discovered
// again; a parent that the index does not know asks for everything, less and less often while that does not help.
//
// Sources: §3 of Dynamo's KV router as of PR 9296 (v2) and PR 14627 (v3), and what goes wrong there.
// Threads: one. Ownership: values. Errors: actions and counters; nothing throws. Time: `now` of each call; asks are
// repeated after 200 ms, doubling, kAttemptsMax times; then v2 waits for the next live event, and v3 goes on with what
// waited, holes or not, and asks for everything after kSlowRetry.
// Bounds: kAsksMax asks under way, those that nobody waits for any more included, the rest wait in order; kPendingMax
// events a stream and kPendingBytesMax in all; kRanksMax streams a worker, kStreamsMax in all.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/kv_event.h"

namespace prefixmesh::kvevents {

using Time = std::chrono::nanoseconds;

inline constexpr std::size_t kPendingMax = 1024;
inline constexpr std::size_t kPendingBytesMax = 64u << 20;
inline constexpr std::size_t kRanksMax = 64;
inline constexpr std::size_t kStreamsMax = 1u << 14;
inline constexpr std::size_t kAsksMax = 16;
inline constexpr int kAttemptsMax = 8;
inline constexpr Time kRetryAfter = std::chrono::milliseconds(200);
inline constexpr Time kSlowRetry = std::chrono::seconds(60);
// Between two asks for everything because of unknown parents: doubling from the one to the other.
inline constexpr Time kResyncAfter = std::chrono::seconds(1), kResyncAfterMax = std::chrono::seconds(64);

// Ask this stream for its events from `start` on; without, for everything. `ticket` comes back with the answer.
struct Ask {
  StreamKey stream;
  std::uint64_t ticket = 0;
  std::optional<std::uint64_t> start;
};
struct Apply {
  StreamKey stream;
  KvEvent event;
};
// The rank holds what these stores say, and nothing else.
struct Replace {
  StreamKey stream;
  std::vector<KvEvent> stores;
};
// Nothing of the rank is held; of a clear in v2, of any rank of the worker.
struct Forget {
  StreamKey stream;
  bool all_ranks = false;
};
using Action = std::variant<Ask, Apply, Replace, Forget>;
using Actions = std::vector<Action>;

// A dump that came: the stores, parents first, and its watermark. Numbers inside it mean nothing.
struct Dump {
  std::vector<KvEvent> stores;
  std::uint64_t last = 0;
  bool empty = false;  // as TreeDump's
};
// The worker could not make one (v3 only; v2 workers send an empty dump).
struct DumpFailed {};
// What the transport brings: an answer, or that there was none.
struct NoAnswer {};
using Received = std::variant<InvalidRange, TooNew, Dump, Events, DumpFailed, NoAnswer>;

struct RecoveryCounters {
  std::uint64_t stale = 0;      // events that were applied before
  std::uint64_t gaps = 0;       // numbers that were missed
  std::uint64_t discarded = 0;  // answers that came too late
  std::uint64_t failed = 0;     // asks that were given up
  std::uint64_t dropped = 0;    // events that waited and found no room
  std::uint64_t fenced = 0;     // answers of another stream
  std::uint64_t refused = 0;    // streams above the bound
};

class EventRecovery {
 public:
  explicit EventRecovery(Contract contract) : contract_(contract) {}

  // The stream is there, served by this instance; another one than before begins anew.
  void OnDiscovered(Time now, const StreamKey& stream, std::uint64_t instance, Actions& actions);
  // v3: the stream says that `newest` is its highest number so far, 0 before the first, which is 1. What is above the
  // cursor was missed.
  void OnNewest(Time now, const StreamKey& stream, std::uint64_t newest, Actions& actions);
  void OnGone(Time now, const StreamKey& stream, std::uint64_t instance, Actions& actions);
  // `generation`: of the stream's numbers; v2 does not look at it. 0: the source does not tell.
  void OnLive(Time now, const StreamKey& stream, std::uint64_t generation, const KvEvent& event, Actions& actions);
  // What was asked with this ticket; every Ask gets one. `from` and `generation`: whose it says it is.
  void OnReceived(Time now, std::uint64_t ticket, const StreamKey& from, std::uint64_t generation, Received received,
                  Actions& actions);
  // The index did not know the parent of something that was applied.
  void OnOrphan(Time now, const StreamKey& stream, Actions& actions);
  // Asks again what is due.
  void OnTick(Time now, Actions& actions);
  std::optional<Time> NextTick() const;

  enum class State : std::uint8_t { kInitial, kLive, kInvalidated };
  struct Cursor {
    State state = State::kInitial;
    std::optional<std::uint64_t> applied;
    friend bool operator==(const Cursor&, const Cursor&) = default;
  };
  // Nothing: the stream is not known.
  std::optional<Cursor> CursorOf(const StreamKey& stream) const;
  bool asking(const StreamKey& stream) const;
  const RecoveryCounters& counters() const { return counters_; }
  // Tests begin in the middle.
  void SetCursor(const StreamKey& stream, Cursor cursor);

 private:
  struct Rank {
    Cursor cursor;
    std::optional<std::uint64_t> high_water;
    bool asking = false;
    std::uint64_t ticket = 0;
    std::uint64_t instance = 0;
    std::uint64_t generation = 0;
    bool fenced = false;
    bool from_one = false;  // the stream tells its newest number, so the first is known
    bool orphaned = false;  // something's parent is not known: everything is to be asked for, at resync_at
    Time resync_at{0}, resync_after = kResyncAfter;
    std::deque<KvEvent> pending;
  };
  struct Worker {
    std::uint64_t epoch = 0;  // v2: an answer of an earlier one is discarded
    std::map<std::uint32_t, Rank> ranks;
  };
  struct Asked {
    StreamKey stream;
    std::uint64_t epoch = 0;
    std::optional<std::uint64_t> start;
    int attempts = 0;
    bool sent = false;       // else it waits for its turn, or for `due`
    bool abandoned = false;  // nobody waits for the answer
    Time due{0};
  };

  bool v3() const { return contract_ == Contract::kV3; }
  const Rank* Find(const StreamKey& stream) const;
  Rank* Find(const StreamKey& stream) { return const_cast<Rank*>(std::as_const(*this).Find(stream)); }
  Rank* FindOrMake(const StreamKey& stream);
  void StartAsking(Time now, const StreamKey& stream, Rank& rank, std::optional<std::uint64_t> start, Actions& actions);
  void SendDue(Time now, Actions& actions);
  void Barrier(const StreamKey& stream, std::uint64_t id, Actions& actions);
  void StopAsking(Rank& rank);
  void BeginAnew(const StreamKey& stream, Rank& rank, Actions& actions);
  void OnAnswered(Time now, const Asked& asked, Rank& rank, Received& received, Actions& actions);
  std::size_t UnderWay() const;
  void Hold(Rank& rank, const KvEvent& event);
  void DropPending(Rank& rank, std::uint64_t through);
  void GoOnWithout(Time now, const StreamKey& stream, Rank& rank, Actions& actions);
  void ResyncIfDue(Time now, const StreamKey& stream, Rank& rank, Actions& actions);
  void ApplyHeld(Time now, const StreamKey& stream, Rank& rank, bool progress, Actions& actions);
  static void ReachedHighWater(Rank& rank, std::uint64_t reached);

  const Contract contract_;
  std::map<std::string, Worker> workers_;
  std::map<std::uint64_t, Asked> asks_;  // by ticket, so in their order
  std::uint64_t next_ticket_ = 1;
  std::size_t streams_ = 0, pending_bytes_ = 0;
  RecoveryCounters counters_;
};

}  // namespace prefixmesh::kvevents
