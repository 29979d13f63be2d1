// event_buffer.h — the newest events of one stream, at the worker, and what a router that missed some is answered.
//
//   end < start                        InvalidRange   whatever is buffered
//   no start, or nothing is buffered   TreeDump       of all that the worker holds
//   start > newest                     TooNew         who has everything and asks for the next one gets this, too
//   start < oldest                     TreeDump       the buffer does not reach back so far
//   else                               Events         the recovery-equivalent suffix: what that is stands at Events
//
// Rules and numbers (Q1 to Q6, S1 to S5): the worker side of Dynamo's KV router, release of May 2026 (PR 9296).
// Threads: one, or the owner's lock: an answer's events and its last are then of one moment. Ownership: copies events.
// Errors: an event whose number is not above the newest is refused and counted (v2 takes it, and answers about numbers
// that do not rise are then anything); one that leaves a hole is taken, and counted. Bounds: `capacity` events, the
// oldest go first. Time: none.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "impl/kvevents/kv_event.h"

namespace prefixmesh::kvevents {

inline constexpr std::size_t kEventsDefault = 1024;

// What a worker answers to a range of numbers.
struct InvalidRange {
  std::uint64_t start = 0, end = 0;
};
struct TooNew {
  std::uint64_t start = 0, end = 0, newest = 0;
};
// To be answered with a dump of the tree whose watermark is `last`: read before the tree is walked, so the dump may
// have more, and what follows is applied once more without harm.
struct TreeDump {
  std::uint64_t last = 0;
  bool empty = false;  // no event was ever numbered here: `last` means nothing, and the first may be 0
};
// Who holds everything below the asked start and applies these in order holds what one would that had applied every
// event from there on. So they begin at the last clear at or after the start, if there is one: what was before it is
// dead. They run to the newest whatever end was asked, and `last` is the newest, read in the same moment: the watermark
// that the router takes over. Numbers are the stream's own; the first may be above the start, which is no hole.
struct Events {
  std::vector<KvEvent> events;
  std::uint64_t last = 0;
};
using Answer = std::variant<InvalidRange, TooNew, TreeDump, Events>;

class EventBuffer {
 public:
  explicit EventBuffer(std::size_t capacity = kEventsDefault, Contract contract = Contract::kV3)
      : capacity_(capacity), contract_(contract) {}

  // False: refused.
  bool Record(KvEvent event);
  Answer Query(std::optional<std::uint64_t> start, std::optional<std::uint64_t> end = std::nullopt) const;

  bool empty() const { return events_.empty(); }
  std::size_t size() const { return events_.size(); }
  std::uint64_t oldest() const { return events_.empty() ? 0 : events_.front().id; }
  std::uint64_t newest() const { return events_.empty() ? 0 : events_.back().id; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t holes() const { return holes_; }
  // Appends those above `last`, the oldest first, at most `events_max`.
  void CopyAfter(std::uint64_t last, std::size_t events_max, std::vector<KvEvent>& out) const;
  // Those above `last`: what a dump of that watermark lacks. Nothing when one of them is not buffered.
  std::optional<std::vector<KvEvent>> After(std::uint64_t last) const;

 private:
  std::deque<KvEvent>::const_iterator AtOrAfter(std::uint64_t id) const;

  const std::size_t capacity_;
  const Contract contract_;
  std::deque<KvEvent> events_;  // ascending
  std::uint64_t refused_ = 0, holes_ = 0;
};

}  // namespace prefixmesh::kvevents
