// kv_event.h — start here for KV events: what a worker says of its cache, one event at a time.
//
//   event_buffer.h     worker side: the newest events, and what a router that missed some is answered
//   event_recovery.h   router side: what to apply, what to ask for again
//
// A stream is one rank of one worker. Its events are numbered without holes, from wherever it began; a number names
// one event for as long as the stream has one generation (a worker that begins anew has another).
//
// Threads: values. Ownership: values. Errors, time: none. Bounds: who reads events from outside bounds their blocks.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace prefixmesh::kvevents {

// The rules of recovery. v2: as Dynamo's routers of spring 2026 had them, kept for comparison. v3: what is used.
enum class Contract : std::uint8_t { kV2, kV3 };

// An engine's own name of a block and all before it: 64 bits, or the first half of its SHA-256.
struct BlockName {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const BlockName&, const BlockName&) = default;
};

enum class EventKind : std::uint8_t { kStored, kRemoved, kCleared };

struct KvEvent {
  std::uint64_t id = 0;
  EventKind kind = EventKind::kStored;
  std::optional<BlockName> parent;  // kStored: of the first block; none: it begins a prompt
  std::vector<BlockName> blocks;    // kStored: a chain; kRemoved: in any order; kCleared: none
  bool cleared() const { return kind == EventKind::kCleared; }
  friend bool operator==(const KvEvent&, const KvEvent&) = default;
};

inline std::size_t BytesOf(const KvEvent& event) { return sizeof(KvEvent) + event.blocks.size() * sizeof(BlockName); }

// One stream.
struct StreamKey {
  std::string worker;
  std::uint32_t rank = 0;
  friend auto operator<=>(const StreamKey&, const StreamKey&) = default;
};

}  // namespace prefixmesh::kvevents
