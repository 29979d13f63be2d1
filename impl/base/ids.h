// ids.h — the small identities everything speaks of. index ≠ count ≠ bytes, so each is a type of its own.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace prefixmesh {

// An integer that only compares and hashes. Arithmetic goes through `value`, on purpose.
template <typename Tag, typename Integer>
struct StrongId {
  Integer value = 0;
  friend constexpr auto operator<=>(StrongId, StrongId) = default;
};

// A worker's slot in this process (route/fleet.h hands them out). Never travels: names do.
using WorkerIndex = StrongId<struct WorkerIndexTag, std::uint16_t>;
inline constexpr WorkerIndex kNoWorker{0xffff};

// A peer router's slot in this process, in the order of the configured peers.
using PeerIndex = StrongId<struct PeerIndexTag, std::uint16_t>;

// A 64-bit chained hash that names a prefix (impl/tree/block_hash.h). Never 0.
using NodeId = StrongId<struct NodeIdTag, std::uint64_t>;

// One life of a process. Unique, never ordered, for routers; the maximum wins for workers.
using Incarnation = StrongId<struct IncarnationTag, std::uint64_t>;

// The highest incarnation a worker may have. Above it a value is corrupt wherever it comes from: workers count up from
// the wall clock in nanoseconds and from what a router knew of them, and neither comes near.
inline constexpr Incarnation kWorkerIncarnationMax{INT64_MAX};

// What a prompt consists of; text and tokens live in separate trees and never match each other.
enum class Kind : std::uint8_t { kText = 0, kTokens = 1 };
inline constexpr const char* KindName(Kind kind) { return kind == Kind::kText ? "text" : "tokens"; }
inline constexpr std::size_t kBytesPerToken = 4;

}  // namespace prefixmesh

template <typename Tag, typename Integer>
struct std::hash<prefixmesh::StrongId<Tag, Integer>> {
  std::size_t operator()(prefixmesh::StrongId<Tag, Integer> id) const noexcept {
    return std::hash<Integer>{}(id.value);
  }
};
