// collector.h — one stream's sending end, which all generations share (driver.h has one for each stream).
//
// Each end of each stream runs a 1 s tick of its own that starts when the stream comes up (OnPeerTick). On a tick it
// collects one batch, the policy store's updates beyond its own watermarks, tests the size, offers the frame to the
// stream's queue (128 messages, never waits) and marks it sent when the queue took it:
//
//   collect ──empty──► nothing is marked; the same scan again in a second, until something is
//      │
//   Σ value bytes > 10 MiB ──► refused. Dialer: not marked, so it comes again every second. Server: marked as if sent.
//      │                       Which end that is depends on the routers' names (H2). Before #899: see SizeRule.
//   offer ──full or closed──► not marked, tried again in a second
//      └──queued──► marked: "sent" means queued here, never delivered (H1)
//
// Generations that send each tree on its own offer several batches a tick; the gate moves when all of them are marked.
// Watermarks are per connection and start at zero. The size test sees value bytes only: keys, framing and gzip do not
// count (H11). A batch is the whole store: one large tree carries or blocks the others (H10).
//
// Fixed (hazards.h), a batch is marked by the peer's acknowledgement, of which each stands for one batch in the order
// of the stream, and no tick begins before all are in (H1); both ends mark what is too big (H2); each key has a batch
// of its own (H10); the test sees the frame (H11).
//
// Threads: mesh loop. Time: none of its own. Ownership: a batch is handed over and encoded; of it only keys and
// versions are kept until the outcome. Errors: none. Bounds: one watermark per key of the store. Source: specification
// of the generations, §1.1, §1.2 and §3.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/sync/generations/hazards.h"
#include "impl/sync/generations/store_frame.h"
#include "impl/sync/strategy.h"

namespace prefixmesh::generations {

// One collection, not yet sent.
struct Batch {
  struct Carried {
    std::uint64_t operations = 0;  // of trees
    bool is_state = false;         // a whole operation list or tree
  };
  std::vector<StoreEntry> entries;
  std::vector<Carried> carried;  // by each entry
  std::uint64_t generation = 0;  // of the store when it was collected: ops that arrive meanwhile are not skipped

  void Add(StoreEntry entry, std::uint64_t operations, bool is_state) {
    entries.push_back(std::move(entry));
    carried.push_back({operations, is_state});
  }
};

// A batch for each key of it.
std::vector<Batch> SplitByKey(Batch batch);

// What an end does with a batch above the limit.
enum class TooBig : std::uint8_t { kKept, kMarked, kUnchecked };
struct SizeRule {
  TooBig dialer = TooBig::kKept;
  TooBig server = TooBig::kMarked;
};

class Collector {
 public:
  Collector(PeerIndex peer, StreamRole role, SizeRule rule = {}, HazardSet fixed = {});

  PeerIndex peer() const { return peer_; }
  StreamRole role() const { return role_; }
  // The store did not change since the last mark (the idle gate; the generation counts changes).
  bool Idle(std::uint64_t generation) const { return generation == generation_marked_; }
  std::uint64_t LastSent(std::string_view key) const;
  std::size_t watermarks() const { return last_sent_.size(); }

  // Something is under way and not acknowledged: no tick may begin (never, but with H1 fixed).
  bool Waits() const { return !under_way_.empty(); }
  // A tick begins. Offers without an outcome are forgotten.
  void BeginBeat();
  // The watermark moves without anything sent: what is not worth sending counts as sent.
  void Skip(const std::string& key, std::uint64_t version) { last_sent_[key] = version; }

  enum class Verdict : std::uint8_t {
    kOffered,        // a SendFrame with `token` was added; its outcome decides
    kRefusedKept,    // too big: not marked
    kRefusedMarked,  // too big: marked all the same
  };
  // `batch` has entries; batch_bytes_max bounds the sum of their values.
  Verdict Offer(Batch batch, std::uint64_t batch_bytes_max, std::uint64_t token, Actions& actions);

  // What a queued batch held.
  struct Marked {
    std::vector<std::string> keys;
    std::uint64_t operations = 0;
  };
  // The outcome of the offer with this token: marks it if it was queued. Nothing for other tokens and outcomes, nor for
  // what waits to be acknowledged.
  std::optional<Marked> Result(std::uint64_t token, SendOutcome outcome);
  // The oldest batch under way came to the peer: marks it. Nothing if none is.
  std::optional<Marked> Acknowledged();

 private:
  struct Pending {
    std::uint64_t token = 0;
    std::uint64_t generation = 0;
    std::uint64_t operations = 0;
    std::vector<std::pair<std::string, std::uint64_t>> versions;
  };
  Marked Mark(const Pending& pending);
  void Keep();

  const PeerIndex peer_;
  const StreamRole role_;
  const HazardSet fixed_;
  const TooBig too_big_;
  std::map<std::string, std::uint64_t, std::less<>> last_sent_;
  std::uint64_t generation_marked_ = 0;
  std::uint64_t generation_before_ = 0;  // what it was when the tick began
  bool kept_ = false;                    // a batch of this tick was not marked
  std::vector<Pending> pending_;
  std::deque<Pending> under_way_;  // H1 fixed: queued, in the order of the stream
};

}  // namespace prefixmesh::generations
