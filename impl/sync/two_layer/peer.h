// peer.h — what TwoLayer keeps of one stream; internal to the folder. All of it is void when the stream ends: the next
// hello and vector say where things stand.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "impl/sync/two_layer/load_table.h"
#include "impl/sync/two_layer/two_layer.h"

namespace prefixmesh::two_layer {

// One log on its way to one peer: the own one always, another's while it is leased.
struct TwoLayer::Sending {
  struct InFlight {
    std::uint32_t end;  // acknowledged when the peer has this
    std::uint64_t bytes;
  };
  std::uint32_t next = 1;  // goes back to what is acknowledged when something was lost
  std::uint32_t acked = 1;
  std::deque<InFlight> in_flight;
  Time moved_at{0};     // last send into an empty pipe, or last ack
  int unanswered = 0;   // sends of what is in flight; see kUnansweredMax
  Time lease_until{0};  // not for the own log
};

// What a peer's slot means.
template <typename Name>
struct TwoLayer::Defined {
  Name name;
  std::uint64_t hash = 0;
  std::optional<Slot> slot;  // this router's, referenced
};

// A pull under way.
struct TwoLayer::Asked {
  PeerIndex peer;
  Time at{0};
  Time patience = kPullAfter;  // doubles while nothing comes, up to kLease
  std::uint32_t have = 1;      // when asked
};

struct TwoLayer::Peer {
  bool up = false;
  bool greeted = false;     // its hello is in and fits
  bool positioned = false;  // its vector is in
  bool void_loads = false;  // it was silent for too long; what it said of loads counts as zero
  Incarnation incarnation;
  Time heard_at{0};
  int corrupt_in_a_row = 0;

  // What it was told.
  std::map<OriginKey, Sending> sending;
  std::uint64_t unacked_bytes = 0;
  std::uint64_t scopes_known = 0, workers_known = 0, registers_known = 0;  // versions
  LoadTable loads_told;
  bool loads_unknown = false;      // it may have missed some: all are said again, zeros too
  std::uint64_t view_version = 0;  // when loads_told was true
  Time hello_at{-1}, vector_at{-1}, registers_at{-1}, digest_at{-1}, refused_at{-1}, restated_at{-1};
  // What it is sent again for differing digests waits longer each time while neither digest moves.
  Time registers_wait = kHeartbeat, vector_wait = kHeartbeat;
  std::uint32_t own_registers_then = 0;  // this router's register hash when its last digest came
  // The transport refused frames to it: nothing is built before `retry_at`.
  int refusals_in_a_row = 0;
  Time retry_at{-1};
  std::uint64_t flushed_bytes = 0;  // sent between two beats

  // What it said. Its slots; a name becomes one of this router's when a record that names it is taken.
  std::vector<std::optional<Defined<ScopeName>>> scopes;
  std::vector<std::optional<Defined<WorkerName>>> workers;
  std::size_t names_bytes = 0;
  std::map<OriginKey, bool> acks_due;  // true: with a hole; at most kPositionsMax
  std::vector<Refusal> refusals_due;   // at most kRefusalsMax
  Time acks_since{0};                  // the oldest of them is due
  bool ack_at_once = false;
  bool resync_due = false;
  bool resync_asked = false;  // it asked for names and counts again
  bool loss_told = false;     // it got a frame that did not open
  bool flush = false;         // something is due before the next beat
  std::vector<Position> vector;
  Digest digest;
  LoadTable loads_heard;
  std::uint64_t own_hash_then = 0;  // this router's vector hash when that digest came

  // What becomes true when the transport has taken the frame.
  struct Commit {
    struct Part {
      OriginKey key;
      std::uint32_t end;
      std::uint64_t bytes;
      std::uint64_t records;
    };
    std::vector<Part> parts;
    std::uint64_t scopes = 0, workers = 0;
    std::vector<std::pair<std::string, std::uint32_t>> loads;
    std::uint64_t view_version = 0;
    bool loads_read = false;
    std::uint32_t load_hash = 0;  // of loads_told then
    bool digest = false;
    Time at{0};
  } commit;
};

inline OriginKey KeyOf(std::string_view router, Incarnation incarnation) { return {std::string(router), incarnation}; }

}  // namespace prefixmesh::two_layer
