// ladder.h — why is my hit rate low? What the run's requests would have found cached in worlds that each lack one thing
// more than the one before, so that what is lost from one to the next has one cause.
//
//   C0  one cache without limit, filled on arrival
//        │ capacity: there was no room
//   C1  one LRU as large as the caches of all workers together, filled on arrival
//        │ workers: it is many caches, chosen between by load as well, and filled when a prefill ends
//   C2  one router that sees all the traffic, over the run's workers: the oracle (oracle.h)
//        │ routers: each serves a part, and learns of the others' placements late or never
//   C3  the run's routers, learning after the delays that the run measured
//        │ run: what the model has not
//   C4  the run
//
// Every world serves the whole plan and counts the bytes of whole blocks of the run's ok requests. C0 bounds all
// others; these may lie in any order (one big LRU is flushed by prompts that come once, many small ones only in part),
// so a step may be below 0 and stays so. Beside them stands Cn, the run's routers that learn nothing: C4 - Cn is what
// sync brought.
//
// Threads: one. Deterministic. Units: bytes, exact. Cost: as RunOracle, at most four times. Bounds: one world's at a
// time, which is less than the run's own processes had; C0 takes 4 bytes per block that came. Errors: none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "bench/oracle/oracle.h"

namespace prefixmesh::bench {

enum class World : std::uint8_t { kUnlimited, kFleetLru, kOneRouter, kRouters, kRun };
inline constexpr std::size_t kWorldCount = 5, kStepCount = kWorldCount - 1;

struct Ladder {
  std::uint64_t prompt_bytes = 0;  // of the counted requests
  // By world; nothing for kRouters where no delay was measured.
  std::array<std::optional<std::uint64_t>, kWorldCount> cached_bytes;
  std::optional<std::uint64_t> unsynced;  // Cn; nothing with one router
  std::optional<double> oracle_load_cov;

  std::optional<std::uint64_t> Of(World world) const { return cached_bytes[static_cast<std::size_t>(world)]; }
  // From the step-th world to the next: bytes lost, or gained if below 0.
  std::optional<std::int64_t> Step(std::size_t step) const;
  std::optional<std::int64_t> GainedBySync() const;
  // Of the prompts' bytes; nothing without any.
  std::optional<double> Share(const std::optional<std::int64_t>& bytes) const;
};

// `visibility`: of the run's placements at a peer; nothing where it was not measured. With one router it is not looked
// at.
Ladder RunLadder(const load::Plan& plan, const load::Settings& settings, std::span<const load::RequestRecord> records,
                 const std::optional<Visibility>& visibility);

}  // namespace prefixmesh::bench
