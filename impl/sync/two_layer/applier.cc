#include "impl/sync/two_layer/applier.h"

#include <algorithm>

#include "impl/base/seeded_bug.h"
#include "impl/sync/two_layer/deferred.h"

namespace prefixmesh::two_layer {
namespace {

// Above it, records leave the index in one sweep instead of one by one.
constexpr std::uint32_t kSweepRecords = 4096;

}  // namespace

void Applier::Append(Log& log, const Record& record) {
  names_.Acquire(record);
  log.window.Append(record);
  log.window.sum += names_.HashOf(record);
}

void Applier::AppendOwn(Log& log, const Record& record, Actions& actions) {
  const std::uint32_t stamp = log.window.head() + (Seeded(Bug::kstamp_off_by_one) ? 1 : 0);
  Append(log, record);
  const ScopeName& scope = names_.scopes[record.scope];
  const WorkerName& worker = names_.workers[record.worker];
  actions.push_back(
      ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, log.index_slot, stamp, record.ids});
}

void Applier::AppendCopied(Log& log, const Record& record, Introducer by, RecordCounts& counts, Actions& actions) {
  const std::uint32_t seq = log.window.head();
  Append(log, record);
  const ScopeName& scope = names_.scopes[record.scope];
  const WorkerName& worker = names_.workers[record.worker];
  registers_.Receive(worker, by, false, actions);
  switch (registers_.StandingOf(worker)) {
    case Registers::Standing::kOlder:
      ++counts.stale;
      return;
    case Registers::Standing::kAhead:
      DeferredRecords::Defer(log, seq);
      return;
    case Registers::Standing::kPresent:
      break;
  }
  ++counts.applied;
  actions.push_back(
      ApplyIds{scope.model, scope.kind, worker.name, worker.incarnation, log.index_slot, record.seq, record.ids});
}

void Applier::DropOldest(Log& log) {
  log.window.Read(log.window.floor(), oldest_);
  if (!Seeded(Bug::ksum_not_subtracted)) log.window.sum -= names_.HashOf(oldest_);
  log.window.DropOldest();
  names_.Release(oldest_);
}

void Applier::RaiseFloor(Log& log, std::uint32_t floor, Actions& actions) {
  if (floor <= log.window.floor()) return;
  if (Seeded(Bug::kfloor_off_by_one) && floor < log.window.head()) ++floor;
  const bool sweep = std::min(floor, log.window.head()) - log.window.floor() > kSweepRecords;
  while (!log.window.empty() && log.window.floor() < floor) {
    if (!sweep && !Seeded(Bug::kX6_floor_leaves_index)) {
      log.window.Read(log.window.floor(), oldest_);
      const ScopeName& scope = names_.scopes[oldest_.scope];
      actions.push_back(RetractIds{scope.model, scope.kind, names_.workers[oldest_.worker].name, log.index_slot,
                                   oldest_.seq, oldest_.ids});
    }
    DropOldest(log);
  }
  if (sweep) actions.push_back(RetractBelow{log.index_slot, floor});
  if (log.window.empty() && log.window.floor() < floor) log.window.Restart(floor);
  log.known_head = std::max(log.known_head, floor);
}

void Applier::MoveMark(const Log& log, Actions& actions) {
  actions.push_back(MoveRefreshMark{log.index_slot, log.aged ? log.window.head() : log.window.middle()});
}

}  // namespace prefixmesh::two_layer
