// replica.h — all that is replicated, as this router holds it, and how what peers say is merged into it. Who tells whom
// and when is two_layer.h.
//
//   log        [floor, have) of one (router, incarnation). Only the owner appends and raises the floor; a copy is
//              verbatim. A floor merges by maximum, from any message, at once. Nothing in a copy depends on this
//              router's budgets.                                                          log_table.h, applier.h
//   register   worker → incarnation.                                                      registers.h, deferred.h
//
// A dead owner's log ages by relative evidence: the time since the owner's count of heartbeats last rose here, or where
// this router received it from. It is dropped at `dead_after`, and not accepted anew above three quarters of it, so
// that nobody is taught again what he just dropped. Only durations are compared; incarnations are never ordered.
//
// Threads: mesh loop. Ownership: values; what the index must know is appended to `actions`. Errors: typed (Accepted).
// Bounds: own log options.window_bytes, a copy options.copy_bytes; those of the parts.
// Sources: heartbeat counters as evidence of life: van Renesse, Minsky and Hayden, Middleware 1998; single-writer logs
// and versions per origin: van Renesse et al., "Efficient Reconciliation and Flow Control for Anti-Entropy Protocols",
// LADIS 2008; sums as set fingerprints: Bellare and Micciancio, EUROCRYPT 1997.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/env/env.h"
#include "impl/sync/actions.h"
#include "impl/sync/placement.h"
#include "impl/sync/report.h"
#include "impl/sync/two_layer/applier.h"
#include "impl/sync/two_layer/deferred.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/log.h"
#include "impl/sync/two_layer/log_table.h"
#include "impl/sync/two_layer/record_names.h"
#include "impl/sync/two_layer/registers.h"

namespace prefixmesh::two_layer {

struct ReplicaOptions {
  OriginKey self;
  std::uint64_t window_bytes = 16u << 20;
  std::uint64_t copy_bytes = 64u << 20;
  Time dead_after = std::chrono::minutes(10);
  std::vector<std::string> peers;  // names of the configured ones; Introducer counts them from 1
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
  using Log = two_layer::Log;

  explicit Replica(ReplicaOptions options);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // ---- own log
  Log& own() { return table_.own(); }
  const Log& own() const { return table_.own(); }
  // Stamps what is new. False: it does not fit (names), and nothing happened.
  bool Append(const Offer& offer, Actions& actions);
  // Drops the oldest beyond the budget and moves the refresh mark.
  void TrimOwn(Actions& actions);
  // The log goes on under another incarnation, with the same records and seqs; the old key is poisoned.
  void Reincarnate(Time now, Incarnation incarnation, Actions& actions);

  // ---- others' logs
  const Logs& logs() const { return table_.logs(); }
  // `slots` holds all that the range's records name.
  Accepted Accept(Time now, const RangeView& range, const SlotMap& slots, const OriginKey& key, Introducer by,
                  bool direct, RecordCounts& counts, Actions& actions);
  // What a peer says of a log. False: it contradicts what is known, the key is poisoned.
  bool Merge(Time now, const Position& position, Introducer by, Actions& actions);
  // What the owner itself says of its log.
  void MergeDirect(Time now, const OriginKey& key, const Digest& digest, Introducer by, Actions& actions);
  // Drops what died, and poison that has passed.
  void Expire(Time now, Actions& actions);
  Time age(Time now, const Log& log) const { return now - log.evidence_at; }

  // ---- own workers
  // An own worker, and its own word (0: none yet).
  void RegisterOwn(std::string_view worker, Incarnation incarnation);
  // Applies deferred records that own workers confirmed meanwhile, some at a time. Once a round.
  void Replay(RecordCounts& counts, Actions& actions) { deferred_.Replay(logs(), counts, actions); }

  // ---- where this router stands
  std::vector<Position> Positions(Time now) const;
  std::uint64_t VectorHash() const;
  std::uint64_t RegisterHash() const { return registers_.hash(); }
  std::vector<WorkerName> RegistersSince(std::uint64_t version) const { return registers_.Since(version); }
  bool Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const;
  std::uint64_t copies_bytes() const;
  std::uint64_t copies_count() const;
  // Everything, in a canonical order: equal on two routers iff they hold the same. For tests; walks all there is.
  std::string Dump() const;

  // ---- the parts
  LogTable& table() { return table_; }
  const LogTable& table() const { return table_; }
  Registers& registers() { return registers_; }
  const Registers& registers() const { return registers_; }
  RecordNames& names() { return names_; }
  const RecordNames& names() const { return names_; }
  const Names<ScopeName>& scopes() const { return names_.scopes; }
  const Names<WorkerName>& workers() const { return names_.workers; }

 private:
  bool Contradicts(const Log& log, const RangeView& range, const SlotMap& slots);

  const ReplicaOptions options_;
  RecordNames names_;
  Registers registers_;
  Applier applier_;
  LogTable table_;
  DeferredRecords deferred_;
  Record kept_, incoming_;  // in hand; their memory is used again
};

}  // namespace prefixmesh::two_layer
