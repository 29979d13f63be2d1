// event_log.h — the KV events of one worker: what its cache does, numbered, and the newest of it (impl/kvevents).
//
// A change is an event of what went and one for each run that came, in this order; more of them where one would have
// more than kEventBlocksMax blocks. Numbers begin at 1 and have
// no holes; the generation tells one life of the numbers from the next. A block's name is its id.
//
// Threads: one; the owner locks. Ownership: copies ids. Errors: none. Bounds: `capacity` events, the oldest go first.
// Time: none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/kv_event.h"
#include "loadgen/worker/kv_cache.h"

namespace prefixmesh::load {

class EventLog {
 public:
  static constexpr std::size_t kEventBlocksMax = 4096;

  EventLog(std::uint64_t generation, std::size_t capacity) : generation_(generation), buffer_(capacity) {}

  void OnChange(const CacheChange& change) {
    for (std::size_t i = 0; i < change.removed.size(); i += kEventBlocksMax) {
      kvevents::KvEvent event;
      event.kind = kvevents::EventKind::kRemoved;
      event.blocks = NamesOf(Part(change.removed, i));
      Record(std::move(event));
    }
    for (const CacheRun& run : change.stored) {
      std::vector<kvevents::KvEvent> events;
      AppendStored(run, events);
      for (kvevents::KvEvent& event : events) Record(std::move(event));
    }
  }
  void OnCleared() {
    kvevents::KvEvent event;
    event.kind = kvevents::EventKind::kCleared;
    Record(std::move(event));
  }

  // Without numbers.
  static void AppendStored(const CacheRun& run, std::vector<kvevents::KvEvent>& out) {
    for (std::size_t i = 0; i < run.ids.size(); i += kEventBlocksMax) {
      kvevents::KvEvent& event = out.emplace_back();
      if (i > 0) event.parent = kvevents::BlockName{0, run.ids[i - 1].value};
      if (i == 0 && run.parent) event.parent = kvevents::BlockName{0, run.parent->value};
      event.blocks = NamesOf(Part(run.ids, i));
    }
  }

  std::uint64_t generation() const { return generation_; }
  const kvevents::EventBuffer& buffer() const { return buffer_; }

 private:
  static std::span<const NodeId> Part(const std::vector<NodeId>& ids, std::size_t from) {
    return std::span(ids).subspan(from, std::min(kEventBlocksMax, ids.size() - from));
  }
  static std::vector<kvevents::BlockName> NamesOf(std::span<const NodeId> ids) {
    std::vector<kvevents::BlockName> names;
    names.reserve(ids.size());
    for (const NodeId id : ids) names.push_back({0, id.value});
    return names;
  }
  void Record(kvevents::KvEvent event) {
    event.id = buffer_.newest() + 1;
    buffer_.Record(std::move(event));
  }

  const std::uint64_t generation_;
  kvevents::EventBuffer buffer_;
};

}  // namespace prefixmesh::load
