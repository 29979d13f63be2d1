// hazards.h — what was wrong with several generations at once, each with a switch. History is the default.
//
// A set of hazards is fixed (`generations.fixed=H1,H6`); each strategy asks its set where the
// two differ. Which strategies have which hazard is a column of impl/router/strategies.cc. The byte formats of history
// do not change; what is fixed may add frames of its own, so all routers of a cluster are given the same set.
//
// Threads: a value type and pure functions, any. Ownership: values. Time: none. Bounds: fourteen bits. Errors: kInvalid
// for text that names anything else, in one line. Source: specification of the generations, §3.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "impl/base/result.h"

namespace prefixmesh::generations {

// The number is that of its id. "history · fixed"
enum class Hazard : std::uint8_t {
  // Marked as sent when the queue takes it · when the peer's acknowledgement comes, one collection under way at a time.
  kMarkedUnheard = 1,
  // What is too big comes again at a dialer and counts as sent at a serving end · counts as sent at both.
  kRoleDecides = 2,
  // Only a serving end that has nothing asks for a snapshot · either end that has nothing.
  kOneSidedBootstrap = 3,
  // One version for all writers of a tree · each writer has a key of its own: version, pending, list or snapshot. The
  // versions of a tree's keys are its vector.
  kScalarVersion = 4,
  // A delta's base is the counter less the pending, and a remote apply moves the counter · each pending operation keeps
  // the counter at which it was placed, which no peer moves.
  kRemoteMovesBase = 5,
  // What came from a peer goes back to it · what came from a peer that had all before counts as sent to it.
  kEcho = 6,
  // A mark halves what is pending for all streams · of it only what every stream has had.
  kSharedTrim = 7,
  // A checkpoint is kept if no placement came meanwhile · if the stored body is not newer than it.
  kLiveCommit = 8,
  // A delta rebuilds all that is kept and tells the live tree all of it · the delta's own operations.
  kWholeReplay = 9,
  // One batch for the whole store · one for each key.
  kWholeStoreBatch = 10,
  // The size test sees value bytes · the whole frame.
  kValueBytes = 11,
  // A snapshot is cut by entries, and nothing of it is verified · by bytes, with checksums and a cap
  // (snapshot_pieces.h).
  kEntryChunks = 12,
  // Removals in a list are dropped at the replay · the worker leaves the tree at that place of the list. Not in S4 and
  // S5: what they send are trees, which have no removals to apply.
  kRemovalsDropped = 13,
  // A list forgets its oldest half beyond 2,048 operations · it has no limit.
  kOperationCap = 14,
};
inline constexpr unsigned kHazards = 14;

inline std::string IdOf(Hazard hazard) { return "H" + std::to_string(static_cast<unsigned>(hazard)); }

class HazardSet {
 public:
  constexpr HazardSet() = default;
  constexpr HazardSet(std::initializer_list<Hazard> hazards) {
    for (const Hazard hazard : hazards) bits_ = static_cast<std::uint16_t>(bits_ | Bit(hazard));
  }

  constexpr bool contains(Hazard hazard) const { return (bits_ & Bit(hazard)) != 0; }
  friend constexpr HazardSet operator|(HazardSet a, HazardSet b) {
    HazardSet both;
    both.bits_ = static_cast<std::uint16_t>(a.bits_ | b.bits_);
    return both;
  }
  friend constexpr bool operator==(HazardSet, HazardSet) = default;

 private:
  static constexpr std::uint16_t Bit(Hazard hazard) {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(hazard));
  }
  std::uint16_t bits_ = 0;
};

// "H1,H6", or "H1+H6" where a comma parts something else; "" is the empty set.
Result<HazardSet> ParseHazards(std::string_view text);

}  // namespace prefixmesh::generations
