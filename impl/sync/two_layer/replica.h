// replica.h — all that is replicated, as this router holds it: the logs (its own and copies of others'), the worker
// registers and the poisoned keys. The merge rules are here; who tells whom and when is two_layer.h.
//
//   log        [floor, have) of one (router, incarnation). Only the owner appends and raises the floor; a copy is
//              verbatim. A floor merges by maximum, from any message, at once. Nothing in a copy depends on this
//              router's budgets.
//   register   worker → incarnation. Of this router's own workers only the worker's word counts (RegisterOwn); what a
//              peer says of one is a reason to ask the worker, and is neither stored nor relayed. Of the others the
//              maximum wins. Records about another incarnation are kept but not applied; those about a life that an own
//              worker confirms later are applied then (Replay).
//   poisoned   a key that two writers used: dropped, and not accepted for a while.
//
// A dead owner's log ages by relative evidence: the time since the owner's count of heartbeats last rose here, or where
// this router heard it from. It is dropped at `dead_after`, and not accepted anew above three quarters of it, so that
// nobody is taught again what he just dropped. Only durations are compared; incarnations are never ordered.
//
// Threads: mesh loop. Ownership: values; what the index must know is appended to `actions`. Errors: typed (Accepted).
// Bounds: own log options.window_bytes, a copy options.copy_bytes, kPositionsMax logs, the own workers' registers and
// kRegistersMax others, kPoisonedMax poisoned keys (the oldest goes first), names.h. Of logs and registers one peer may
// introduce its share only. A router's own stream always gets its log: one that it introduced before makes room, of
// names that are not configured first. So do such names for those that are. Refusals and evictions are counted.
// Sources: heartbeat counters as evidence of life: van Renesse, Minsky and Hayden, Middleware 1998; single-writer logs
// and versions per origin: van Renesse et al., "Efficient Reconciliation and Flow Control for Anti-Entropy Protocols",
// LADIS 2008; sums as set fingerprints: Bellare and Micciancio, EUROCRYPT 1997.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "impl/sync/strategy.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {

struct ReplicaOptions {
  OriginKey self;
  std::uint64_t window_bytes = 16u << 20;
  std::uint64_t copy_bytes = 64u << 20;
  Time dead_after = std::chrono::minutes(10);
  std::vector<std::string> peers;  // names of the configured ones; Introducer counts them from 1
};

// A peer's slots in this router's.
struct SlotMap {
  static constexpr Slot kNoSlot = UINT16_MAX;
  std::vector<Slot> scopes, workers;
};

// What became of a range.
enum class Accepted : std::uint8_t {
  kYes,       // what was new is in
  kHole,      // it starts above what is here
  kFork,      // another record under a seq that is here: the key is poisoned now
  kPoisoned,  // not taken: the key is poisoned
  kUnknown,   // a relayed log that this router does not keep
  kTooBig,    // beyond copy_bytes
};

class Replica {
 public:
  struct Log {
    OriginKey key;
    std::uint64_t key_hash = 0;
    Window window;
    std::uint64_t serial = 0;      // of this copy: one that was dropped and learned again has another
    std::uint16_t index_slot = 0;  // the log's number in the index; the own log is 0
    Introducer by = kSelf;         // who introduced it, or its owner, once that was here itself
    Time evidence_at{0};           // the owner was alive then
    Time direct_at{-1};            // it was heard on its own stream then; < 0: never
    Time progress_at{0};           // a record came in then
    Time lacks_since{-1};          // more is known to exist than is here; < 0: it is all here
    std::uint32_t beat = 0;        // the owner's count of heartbeats, the highest that anyone told
    std::uint32_t head_heard = 1;  // the owner has written up to here, as far as anyone told
    bool aged = false;             // its whole window counts as the older half
    // Records about lives that an own worker has not confirmed lie in [ahead_first, ahead_end); empty when equal.
    std::uint32_t ahead_first = 0, ahead_end = 0;
    std::uint32_t replay_at = 0, replay_end = 0;  // of the pass that runs
  };

  static constexpr std::size_t kRegistersMax = 1024;  // of workers that are not this router's own
  static constexpr std::size_t kRegistersShareMin = 64;
  static constexpr std::size_t kPoisonedMax = 256;
  // What one call of Replay looks at, and what it applies.
  static constexpr std::size_t kReplayReadMax = 1u << 18;
  static constexpr std::size_t kReplayAppliedMax = 4096;

  explicit Replica(ReplicaOptions options);

  // ---- own log
  Log& own() { return *own_; }
  const Log& own() const { return *own_; }
  // Stamps what is new. False: it does not fit (names), and nothing happened.
  bool Append(const Offer& offer, Actions& actions);
  // Drops the oldest beyond the budget and moves the refresh mark.
  void TrimOwn(Actions& actions);
  // The log goes on under another incarnation, with the same records and seqs; the old key is poisoned.
  void Reincarnate(Time now, Incarnation incarnation, Actions& actions);

  // ---- others' logs
  // Null if there is none.
  Log* Find(const OriginKey& key);
  const std::vector<std::unique_ptr<Log>>& logs() const { return logs_; }  // the own one first, the rest by key
  // The log, made if it is new. Null: poisoned, or no room. `direct`: `by` is the owner itself.
  Log* FindOrMake(Time now, const OriginKey& key, Introducer by, bool direct, Actions& actions);
  // `slots` holds all that the range's records name.
  Accepted Accept(Time now, const RangeView& range, const SlotMap& slots, const OriginKey& key, Introducer by,
                  bool direct, RecordCounts& counts, Actions& actions);
  // What a peer says of a log. False: it contradicts what is known, the key is poisoned.
  bool Merge(Time now, const Position& position, Introducer by, Actions& actions);
  // The owner itself said so.
  void Heard(Time now, Log& log, const Digest& digest, Actions& actions);
  // Drops what died, forgets old poison.
  void Expire(Time now, Actions& actions);
  // The logs that this peer introduced, but for this one, make room for its names.
  void EvictOthersOf(Introducer by, const OriginKey& key, Actions& actions);
  Time age(Time now, const Log& log) const { return now - log.evidence_at; }

  void Poison(Time now, const OriginKey& key, Actions& actions);
  bool poisoned(const OriginKey& key) const { return poisoned_.count(key) > 0; }

  // ---- registers
  // An own worker, and its own word (0: none yet).
  void RegisterOwn(std::string_view worker, Incarnation incarnation);
  // What a peer says: of an own worker noted for TakeDoubts, of another the maximum wins. `whole`: it is the peer's
  // register and not only a life that one of its records names, so that a lower value is a doubt, too.
  void RegisterHeard(const WorkerName& worker, Introducer by, bool whole, Actions& actions);
  bool has_doubts() const { return !doubts_.empty(); }
  // Own workers of which something else was heard than their register says, with what was heard. Clears the list.
  std::vector<WorkerName> TakeDoubts();
  // Applies kept records about lives that own workers confirmed meanwhile, some at a time. Once a round.
  void Replay(RecordCounts& counts, Actions& actions);
  // Those that moved after `version`, by name.
  std::vector<WorkerName> RegistersSince(std::uint64_t version) const;
  std::uint64_t registers_version() const { return registers_version_; }
  // The slot of the worker's present life, for loads. Null: the worker is not known.
  const Slot* SlotOf(std::string_view worker) const;

  // ---- what stands where
  std::vector<Position> Positions(Time now) const;
  std::uint64_t VectorHash() const;
  std::uint64_t RegisterHash() const { return register_hash_; }

  Names<ScopeName>& scopes() { return scopes_; }
  Names<WorkerName>& workers() { return workers_; }
  const Names<ScopeName>& scopes() const { return scopes_; }
  const Names<WorkerName>& workers() const { return workers_; }

  bool Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const;
  std::uint64_t copies_bytes() const;
  std::uint64_t copies_count() const;
  std::size_t register_count() const { return registers_.size(); }
  // Of what peers wanted to introduce, what their share did not hold, and logs that made room for others.
  std::uint64_t logs_refused() const { return logs_refused_; }
  std::uint64_t logs_evicted() const { return logs_evicted_; }
  std::uint64_t registers_refused() const { return registers_refused_; }
  // Everything, in a canonical order: equal on two routers iff they hold the same. For tests; walks all there is.
  std::string Dump() const;

 private:
  struct RegisterEntry {
    Incarnation incarnation;  // 0: an own worker that has not answered yet
    Slot slot = 0;            // of (name, incarnation), referenced unless that is 0
    std::uint64_t changed_at = 0;
    bool own = false;
    Introducer by = kSelf;
    std::uint64_t replay_pass = 0;  // the pass of Replay that applies what names this life
    Incarnation heard;              // 0: no doubt
  };
  enum class Word : std::uint8_t { kOlder, kPresent, kAhead };

  // What a record about this life is to this router.
  Word WordOf(const WorkerName& worker) const;
  void SetRegister(std::string_view worker, RegisterEntry& entry, Incarnation incarnation, Slot slot);
  void Doubt(RegisterEntry& entry, const WorkerName& worker);
  static void KeepAhead(Log& log, std::uint32_t seq);
  void AppendRecord(Log& log, const Record& record, Introducer by, Actions& actions, RecordCounts* counts);
  bool configured(const OriginKey& key) const;
  bool MakeRoom(const OriginKey& key, Introducer by, bool direct, Actions& actions);
  std::size_t LogsShare() const;
  bool RoomForRegister(Introducer by) const;
  void DropOldest(Log& log);
  // Records below `floor` go; have becomes at least the floor.
  void RaiseFloor(Log& log, std::uint32_t floor, Actions& actions);
  void MoveMark(Log& log, Actions& actions);
  void Erase(const OriginKey& key, Actions& actions);

  const ReplicaOptions options_;
  Names<ScopeName> scopes_;
  Names<WorkerName> workers_;
  std::vector<std::unique_ptr<Log>> logs_;
  Log* own_;
  std::uint64_t logs_made_ = 0;
  std::vector<std::size_t> logs_by_, registers_by_;  // by introducer
  std::uint64_t logs_refused_ = 0, logs_evicted_ = 0, registers_refused_ = 0;
  std::map<OriginKey, Time> poisoned_;  // until
  std::map<std::string, RegisterEntry, std::less<>> registers_;
  std::uint64_t registers_version_ = 0;
  std::uint64_t register_hash_ = 0;
  std::vector<std::string> doubts_;  // workers whose entries have `heard`
  std::uint64_t replay_pass_ = 0;
  bool replaying_ = false;   // pass replay_pass_ is not through yet
  bool replay_due_ = false;  // and another one is due
  Record scratch_;
  Record incoming_;
};

}  // namespace prefixmesh::two_layer
