// log_table.h — which logs this router keeps: its own, copies of others', and keys that it does not take any more.
//
//   room       every peer gets its share of the table, and the peer that introduced a log is charged for it. A router's
//   own
//              stream always gets its log: one that it introduced before makes room, of names that are not configured
//              first. So do such names for those that are. What goes is learned again from others that have it.
//   poisoned   a key that two writers used: dropped, and not accepted for a while.
//
// Threads: mesh loop. Ownership: owns the logs; borrows the applier, which must outlive it. Errors: null where there is
// no room, counted. Time: `now` of each call.
// Bounds: kPositionsMax logs, kPoisonedMax poisoned keys (the oldest goes first).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "impl/sync/actions.h"
#include "impl/sync/two_layer/applier.h"
#include "impl/sync/two_layer/log.h"

namespace prefixmesh::two_layer {

class LogTable {
 public:
  static constexpr std::size_t kPoisonedMax = 256;

  // `peers`: names of the configured ones; Introducer counts them from 1.
  LogTable(const OriginKey& self, std::vector<std::string> peers, Time poisoned_for, Applier& applier);

  Log& own() { return *logs_.front(); }
  const Log& own() const { return *logs_.front(); }
  const Logs& logs() const { return logs_; }
  // The own log goes on under this key.
  void RenameOwn(const OriginKey& key);

  // Null if there is none.
  Log* Find(const OriginKey& key) const;
  // The log, made if it is new. Null: poisoned, or no room. `direct`: `by` is the owner itself.
  Log* FindOrMake(Time now, const OriginKey& key, Introducer by, bool direct, Actions& actions);
  void Erase(const OriginKey& key, Actions& actions);
  // The logs that this peer introduced, but for this one, make room for its names.
  void EvictOthersOf(Introducer by, const OriginKey& key, Actions& actions);

  void Poison(Time now, const OriginKey& key, Actions& actions);
  bool poisoned(const OriginKey& key) const { return poisoned_.count(key) > 0; }
  void ExpirePoison(Time now);

  // Of what peers wanted to introduce, what their share did not hold, and logs that made room for others.
  std::uint64_t refused() const { return refused_; }
  std::uint64_t evicted() const { return evicted_; }

 private:
  bool configured(const OriginKey& key) const;
  bool MakeRoom(const OriginKey& key, Introducer by, bool direct, Actions& actions);
  std::uint16_t FreeIndexSlot() const;

  const std::string self_;
  const std::vector<std::string> peers_;
  const Time poisoned_for_;
  Applier& applier_;
  Logs logs_;
  std::vector<std::size_t> by_;         // logs, by introducer
  std::map<OriginKey, Time> poisoned_;  // until
  std::uint64_t made_ = 0, refused_ = 0, evicted_ = 0;
};

}  // namespace prefixmesh::two_layer
